//! Checks that relative links in documents lead to a file of the repository and, if they name a
//! heading, to that heading. Links to other sites are not followed.

use crate::files::{Fences, files, read, root, shown};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Returns the lines of a document outside code blocks, without code spans.
fn prose(document: &str) -> String {
    let mut fences = Fences::default();
    let lines: Vec<_> = document.lines().filter(|line| !fences.is_code(line)).collect();
    let mut prose = String::new();
    // A code span may continue on the next line. An odd number of backticks would hide links.
    for paragraph in lines.join("\n").split("\n\n") {
        assert!(paragraph.matches('`').count().is_multiple_of(2), "a span of code does not end: {paragraph}");
        prose.extend(paragraph.split('`').step_by(2));
        prose.push_str("\n\n");
    }
    prose
}

/// Returns the targets of all links and images, both in Markdown and in HTML.
fn targets(document: &str) -> Vec<String> {
    let prose = prose(document);
    let mut targets = Vec::new();
    for (before, after) in [("](", [')', ' ']), ("<img src=\"", ['"', '"']), ("<a href=\"", ['"', '"'])] {
        let found = prose.split(before).skip(1).filter_map(|rest| rest.split(after).next());
        targets.extend(found.map(str::to_owned));
    }
    // `[name]: target`
    let defined: BTreeMap<_, _> = prose
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .map(|(name, target)| (name.to_lowercase(), target.trim()))
        .collect();
    targets.extend(defined.values().map(|target| (*target).to_owned()));
    for (name, _) in prose.split("][").skip(1).filter_map(|rest| rest.split_once(']')) {
        assert!(defined.contains_key(&name.to_lowercase()), "the link [{name}] has no target");
    }
    targets
}

/// Returns the anchors of the headings, as GitHub and mdBook generate them.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut fences = Fences::default();
    let mut anchors = BTreeSet::new();
    for line in document.lines().filter(|line| !fences.is_code(line)) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        else {
            continue;
        };
        // The text of a link without its target.
        let text: String =
            heading.split("](").enumerate().map(|(at, part)| tail(part, at > 0)).collect::<Vec<_>>().concat();
        let anchor: String = text
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let repeated = (1..).map(|count| format!("{anchor}-{count}"));
        let first = std::iter::once(anchor.clone()).chain(repeated).find(|anchor| !anchors.contains(anchor));
        anchors.extend(first);
    }
    anchors
}

/// Returns the text that follows the target of a link.
fn tail(part: &str, is_after_link: bool) -> &str {
    if is_after_link { part.split_once(')').map_or(part, |(_, tail)| tail) } else { part }
}

/// Resolves a path relative to a folder, without accessing the file system.
fn resolve(folder: &Path, relative: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in relative.split('/') {
        match part {
            "" | "." => (),
            ".." => _ = path.pop(),
            name => path.push(name),
        }
    }
    path
}

/// Returns the broken links of a document, each with a reason.
fn broken(path: &Path, document: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for target in targets(document) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let linked = if file.is_empty() {
            document.to_owned()
        } else {
            let file = resolve(path.parent().unwrap(), file);
            if !file.starts_with(root()) {
                broken.push(format!("{target}: outside of the repository"));
                continue;
            }
            if !file.exists() {
                broken.push(format!("{target}: no such file"));
                continue;
            }
            if anchor.is_empty() { String::new() } else { read(&file) }
        };
        if !anchor.is_empty() && !anchors(&linked).contains(anchor) {
            broken.push(format!("{target}: no such heading"));
        }
    }
    broken
}

#[test]
fn links_lead_to_files_and_headings() {
    let documents = files("md");
    assert!(documents.len() >= 20, "the documents have moved");
    let mut links = 0;
    let mut wrong = Vec::new();
    for path in documents {
        let document = read(&path);
        links += targets(&document).len();
        wrong.extend(broken(&path, &document).into_iter().map(|what| format!("{}: {what}", shown(&path))));
    }
    assert!(wrong.is_empty(), "broken links:\n{}", wrong.join("\n"));
    assert!(links > 500, "only {links} links were found");
}

#[test]
fn broken_links_are_found() {
    let document = "\
# A `title` with [a link](https://example.org/) in it
[ok](README.md) [other site](https://example.org/none) `[code](none.md)` [self](#twice-1)
[none](none.md) ![picture](none.svg) <img src=\"none.png\">
[anchor](#a-title-with-a-link-in-it) [no anchor](#title) [elsewhere](README.md#none) [named][name]
```
[code](none.md)
```
## Twice
## Twice
[out](../../../..)

[name]: none.txt
";
    let path = root().join("document.md");
    let mut found = broken(&path, document);
    found.sort();
    let expected = [
        "#title: no such heading",
        "../../../..: outside of the repository",
        "README.md#none: no such heading",
        "none.md: no such file",
        "none.png: no such file",
        "none.svg: no such file",
        "none.txt: no such file",
    ];
    assert_eq!(found, expected);
}
