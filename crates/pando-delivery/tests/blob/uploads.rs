//! Uploads: a blob is visible as soon as all of it is verified, and not before.

use crate::fixture::{CHUNK, EXPIRES, LIMITS, NOW, World, code, content};
use pando_api::{Blob, Digest, ProblemCode};
use pando_delivery::blob::{BlobLimits, Upload};

#[test]
fn a_blob_of_any_length_is_read_in_ranges() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
        let body = content(length);
        let world = World::new(&body);
        let blob = world.upload(world.request(1, EXPIRES), &body).unwrap();
        assert_eq!(blob, Blob { expires: EXPIRES, bytes: length as u64 });
        let offsets = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, length.saturating_sub(1), length, length + 1];
        for offset in offsets {
            for limit in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, usize::MAX] {
                let part = world.read(offset as u64, limit as u64).unwrap();
                let end = offset.saturating_add(limit).min(length);
                assert_eq!(part.data, body.get(offset..end).unwrap_or_default(), "{limit} from {offset}");
                assert_eq!((part.bytes, part.expires), (length as u64, EXPIRES));
            }
        }
        assert_eq!(world.read(u64::MAX, u64::MAX).unwrap().data, b"");
    }
}

#[test]
fn a_part_has_at_most_a_mebibyte() {
    let body = content((1 << 20) + 1);
    let world = World::new(&body);
    let request = world.request(1, EXPIRES);
    world.begin(request).unwrap();
    let mut upload = Upload::new(request, None, BlobLimits { bytes: 2 << 20, ..LIMITS }).unwrap();
    world.append(&mut upload, &body).unwrap();
    world.finish(upload.finish().unwrap()).unwrap();
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body[..1 << 20]);
    assert_eq!(world.read(1 << 20, u64::MAX).unwrap().data, body[1 << 20..]);
}

#[test]
fn nothing_is_visible_before_all_is_verified() {
    let body = content(2 * CHUNK + 9);
    let world = World::new(&body);
    let request = world.request(1, EXPIRES);
    assert_eq!(code(world.read(0, 1)), ProblemCode::NotFound);
    world.begin(request).unwrap();
    let mut upload = Upload::new(request, None, LIMITS).unwrap();
    for piece in body.chunks(1_000) {
        world.append(&mut upload, piece).unwrap();
        assert_eq!(code(world.read(0, 1)), ProblemCode::NotFound);
    }
    let checked = upload.finish().unwrap();
    assert_eq!(code(world.read(0, 1)), ProblemCode::NotFound);
    world.finish(checked).unwrap();
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
}

#[test]
fn a_body_with_another_digest_or_length_is_refused() {
    let body = content(2 * CHUNK);
    let world = World::new(&body);
    let mut altered = body.clone();
    altered[CHUNK + 3] ^= 1;
    let longer = [&body[..], &[0]].concat();
    for (other, why) in
        [(&altered[..], "altered"), (&body[1..], "shorter"), (&longer, "longer"), (b"", "empty")]
    {
        let mut upload = Upload::new(world.request(1, EXPIRES), None, LIMITS).unwrap();
        upload.append(other).unwrap();
        assert_eq!(code(upload.finish()), ProblemCode::Malformed, "{why}");
    }
    for length in [0, body.len() - 1, body.len() + 1] {
        let mut upload = Upload::new(world.request(1, EXPIRES), Some(length as u64), LIMITS).unwrap();
        upload.append(&body).unwrap();
        assert_eq!(code(upload.finish()), ProblemCode::Malformed, "the request states {length} bytes");
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_early() {
    let world = World::new(b"");
    let limits = BlobLimits { bytes: 100, ..LIMITS };
    let request = world.request(1, EXPIRES);
    let refusal = Upload::new(request, Some(101), limits).unwrap_err();
    assert_eq!(refusal.problem().known_code(), Some(ProblemCode::TooLarge));
    assert_eq!(refusal.problem().limit, Some(100));
    let mut upload = Upload::new(request, None, limits).unwrap();
    upload.append(&[0; 100]).unwrap();
    assert_eq!(code(upload.append(&[0])), ProblemCode::TooLarge);
}

/// Two clients upload at once, one of which sends other bytes than the digest says.
#[test]
fn a_lying_upload_does_not_disturb_an_honest_one() {
    let body = content(3 * CHUNK + 1);
    let world = World::new(&body);
    let lie: Vec<u8> = body.iter().map(|byte| !byte).collect();
    let (honest, liar) = (world.request(1, EXPIRES), world.request(2, EXPIRES - 1));
    // The liar's expiry does not count either.
    assert_eq!(world.begin(liar).unwrap(), None);
    assert_eq!(world.begin(honest).unwrap(), None);
    let mut honest_upload = Upload::new(honest, None, LIMITS).unwrap();
    let mut lying_upload = Upload::new(liar, None, LIMITS).unwrap();
    for (piece, lie) in body.chunks(50_000).zip(lie.chunks(50_000)) {
        world.append(&mut lying_upload, lie).unwrap();
        world.append(&mut honest_upload, piece).unwrap();
    }
    assert_eq!(code(lying_upload.finish()), ProblemCode::Malformed);
    world.write(move |rows, now| liar.abandon(rows, now)).unwrap();
    world.finish(honest_upload.finish().unwrap()).unwrap();
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
    // Only the rows of the honest upload stay.
    world.expire(100);
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
    assert_eq!(world.rows(), 5);
}

#[test]
fn the_first_of_two_honest_uploads_sets_the_expiry() {
    let body = content(2 * CHUNK + 1);
    let world = World::new(&body);
    let checked = |id, expires| {
        let request = world.request(id, expires);
        world.begin(request).unwrap();
        let mut upload = Upload::new(request, None, LIMITS).unwrap();
        world.append(&mut upload, &body).unwrap();
        upload.finish().unwrap()
    };
    let (first, same, other) = (checked(1, EXPIRES), checked(2, EXPIRES), checked(3, EXPIRES + 1));
    let blob = world.finish(first).unwrap();
    assert_eq!(world.finish(same).unwrap(), blob);
    assert_eq!(code(world.finish(other)), ProblemCode::IdempotencyConflict);
    assert_eq!(code(world.begin(world.request(4, EXPIRES - 1))), ProblemCode::IdempotencyConflict);
    // The body is not needed again.
    assert_eq!(world.begin(world.request(4, EXPIRES)).unwrap(), Some(blob));
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
}

#[test]
fn the_expiry_is_in_the_future_and_may_be_shortened() {
    let mut world = World::new(b"body");
    for expires in [0, NOW - 1, NOW] {
        assert_eq!(code(world.begin(world.request(1, expires))), ProblemCode::Malformed);
    }
    let request = world.request(1, NOW + 2 * LIMITS.lifetime);
    let blob = world.upload(request, b"body").unwrap();
    assert_eq!(blob, Blob { expires: NOW + LIMITS.lifetime, bytes: 4 });
    // A repeated request returns the first answer.
    world.now += 1_000;
    assert_eq!(world.upload(request, b"body").unwrap(), blob);

    // The expiry passes during the upload.
    let mut world = World::new(b"body");
    let request = world.request(1, NOW + 1);
    world.begin(request).unwrap();
    let mut upload = Upload::new(request, None, LIMITS).unwrap();
    upload.append(b"body").unwrap();
    world.now += 1;
    assert_eq!(code(world.finish(upload.finish().unwrap())), ProblemCode::Malformed);
}

/// The outcome of a transaction may be unknown, so each of them is repeated.
#[test]
fn each_transaction_can_be_repeated() {
    let body = content(2 * CHUNK + 5);
    let world = World::new(&body);
    let request = world.request(1, EXPIRES);
    let mut upload = Upload::new(request, None, LIMITS).unwrap();
    assert_eq!(world.begin(request).unwrap(), None);
    assert_eq!(world.begin(request).unwrap(), None);
    for piece in body.chunks(CHUNK) {
        for chunk in upload.append(piece).unwrap() {
            world.put(chunk.clone()).unwrap();
            assert_eq!(world.begin(request).unwrap(), None);
            world.put(chunk).unwrap();
        }
    }
    let checked = std::sync::Arc::new(upload.finish().unwrap());
    let finish = || {
        let checked = checked.clone();
        world.write(move |rows, now| checked.write(rows, now))
    };
    assert_eq!(finish().unwrap(), finish().unwrap());
    assert_eq!(world.read(0, u64::MAX).unwrap().data, body);
    assert_eq!(world.rows(), 4);
}

#[test]
fn a_missing_chunk_is_noticed() {
    let body = content(3 * CHUNK);
    let world = World::new(&body);
    let request = world.request(1, EXPIRES);
    world.begin(request).unwrap();
    let chunks = |upload: &mut Upload| upload.append(&body).unwrap();
    // The second chunk is left out.
    let mut upload = Upload::new(request, None, LIMITS).unwrap();
    let mut parts = chunks(&mut upload);
    world.put(parts.remove(0)).unwrap();
    assert_eq!(code(world.put(parts.remove(1))), ProblemCode::Internal);
    // The last two chunks are left out.
    assert_eq!(code(world.finish(upload.finish().unwrap())), ProblemCode::Internal);
    // Another chunk with a number that is taken.
    let mut other = Upload::new(request, None, LIMITS).unwrap();
    let other = other.append(&[1; CHUNK]).unwrap();
    assert_eq!(code(world.put(other[0].clone())), ProblemCode::Internal);
    assert_eq!(code(world.read(0, 1)), ProblemCode::NotFound);
}

#[test]
fn the_uploads_of_a_digest_are_limited() {
    let world = World::new(b"body");
    for id in 0..16 {
        assert_eq!(world.begin(world.request(id, EXPIRES)).unwrap(), None);
    }
    let refusal = world.begin(world.request(16, EXPIRES)).unwrap_err();
    assert_eq!(refusal.problem().known_code(), Some(ProblemCode::Limit));
    assert!(refusal.problem().retryable);
    let request = world.request(3, EXPIRES);
    world.write(move |rows, now| request.abandon(rows, now)).unwrap();
    world.expire(100);
    world.upload(world.request(16, EXPIRES), b"body").unwrap();
}

#[test]
fn another_digest_is_another_partition() {
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    let partition = pando_delivery::blob::partition;
    assert_ne!(partition(&one), partition(&other));
    assert!(partition(&one).starts_with(b"b/"));
}
