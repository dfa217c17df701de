//! Deletion of expired blobs and uploads, in small steps.

use crate::fixture::{CHUNK, EXPIRES, LIMITS, NOW, World, code, content};
use pando_api::{Blob, ProblemCode};
use pando_delivery::blob::{Upload, delete};

/// The time after which an upload without progress is given up.
const HOUR: u64 = 60 * 60 * 1_000;

#[test]
fn an_expired_blob_is_not_served_and_is_deleted_in_steps() {
    let body = content(10 * CHUNK);
    let mut world = World::new(&body);
    world.upload(world.request(1, EXPIRES), &body).unwrap();
    assert_eq!((world.rows(), world.due()), (11, Some(EXPIRES)));
    world.now = EXPIRES - 1;
    assert_eq!(world.expire(3), 1, "nothing is due");
    assert_eq!((world.read(0, 5).unwrap().data, world.due()), (body[..5].to_vec(), Some(EXPIRES)));
    world.now = EXPIRES;
    assert_eq!(code(world.read(0, 5)), ProblemCode::NotFound);
    assert_eq!(world.expire(3), 4, "three, three, three and one");
    assert_eq!((world.rows(), world.due()), (0, None));
}

#[test]
fn a_blob_that_was_deleted_early_is_not_stored_again() {
    let body = content(3 * CHUNK);
    let mut world = World::new(&body);
    let request = world.request(1, EXPIRES);
    world.upload(request, &body).unwrap();
    world.now += 10;
    world.write(delete).unwrap();
    let answer = Blob { expires: NOW + 10, bytes: body.len() as u64 };
    assert_eq!(code(world.read(0, 5)), ProblemCode::NotFound);
    for _ in 0..2 {
        // The answer names the time of the deletion, before and after the chunks are deleted.
        assert_eq!(world.begin(world.request(2, EXPIRES)).unwrap(), Some(answer));
        assert_eq!(code(world.begin(world.request(2, EXPIRES + 1))), ProblemCode::IdempotencyConflict);
        world.expire(100);
        assert_eq!((world.rows(), world.due()), (1, Some(EXPIRES)));
    }
    assert_eq!(code(world.write(delete)), ProblemCode::NotFound);
    world.now = EXPIRES - 1;
    world.expire(100);
    assert_eq!(world.begin(world.request(2, EXPIRES)).unwrap(), Some(answer));
    // From the expiry on, the digest is forgotten.
    world.now = EXPIRES;
    world.expire(100);
    assert_eq!((world.rows(), world.due()), (0, None));
    world.upload(world.request(2, EXPIRES + 1), &body).unwrap();
    assert_eq!(world.read(0, 5).unwrap().data, body[..5]);
}

/// A deletion between the beginning and the end of another upload of the same digest.
#[test]
fn an_upload_does_not_bring_back_a_blob_that_was_deleted_early() {
    let body = content(CHUNK + 1);
    let world = World::new(&body);
    let late = world.request(2, EXPIRES);
    world.begin(late).unwrap();
    let mut upload = Upload::new(late, None, LIMITS).unwrap();
    world.append(&mut upload, &body).unwrap();
    world.upload(world.request(1, EXPIRES), &body).unwrap();
    world.write(delete).unwrap();
    let answer = world.finish(upload.finish().unwrap()).unwrap();
    assert_eq!(answer.expires, NOW);
    assert_eq!(code(world.read(0, 1)), ProblemCode::NotFound);
    world.expire(100);
    assert_eq!(world.rows(), 1);
}

/// A request that comes before the deletion of an expired blob does not lose its chunks.
#[test]
fn an_expired_blob_can_be_stored_again_before_it_is_deleted() {
    let body = content(4 * CHUNK);
    let mut world = World::new(&body);
    world.upload(world.request(1, EXPIRES), &body).unwrap();
    world.now = EXPIRES;
    world.upload(world.request(2, EXPIRES + 500), &body).unwrap();
    assert_eq!(world.rows(), 10, "two sets of chunks, the blob, and the old upload");
    world.expire(1);
    assert_eq!(world.rows(), 5);
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
}

#[test]
fn an_upload_without_progress_is_given_up() {
    let body = content(5 * CHUNK);
    let mut world = World::new(&body);
    let request = world.request(1, EXPIRES + 10 * HOUR);
    world.begin(request).unwrap();
    assert_eq!(world.due(), Some(NOW + HOUR));
    // A later upload does not postpone the deadline of an earlier one.
    world.now += 1;
    let later = world.request(2, EXPIRES + 10 * HOUR);
    world.begin(later).unwrap();
    assert_eq!(world.due(), Some(NOW + HOUR));
    world.write(move |rows, now| later.abandon(rows, now)).unwrap();
    world.expire(100);
    world.now -= 1;
    let mut upload = Upload::new(request, None, LIMITS).unwrap();
    // Each chunk extends the deadline.
    for piece in body[..4 * CHUNK].chunks(CHUNK) {
        world.now += HOUR - 1;
        world.append(&mut upload, piece).unwrap();
        world.expire(100);
        assert_eq!(world.due(), Some(world.now + HOUR));
    }
    world.now += HOUR;
    let next = upload.append(&body[4 * CHUNK..]).unwrap().remove(0);
    assert_eq!(code(world.put(next.clone())), ProblemCode::Overloaded);
    // Some chunks are deleted. A clock that is set back does not revive the upload.
    world.write(|rows, now| pando_delivery::blob::expire(rows, now, 2)).unwrap();
    assert_eq!(world.rows(), 3);
    world.now = NOW;
    assert_eq!(code(world.put(next)), ProblemCode::Overloaded);
    assert_eq!(code(world.finish(upload.finish().unwrap())), ProblemCode::Overloaded);
    assert_eq!(world.due(), Some(0));
    world.expire(2);
    assert_eq!((world.rows(), world.due()), (0, None));
}
