//! Where a text is cut into documents, whatever the reads it came in.

use betrace_corpora::source::{Breakage, Chunk, Kind, Options};

use crate::{Owned, read_all, small};

/// Shows chunks as `line kind text`, with line ends inside a text as `⏎`.
fn shown(chunks: &[Owned]) -> Vec<String> {
    let kind = |kind| match kind {
        Kind::Line => "line",
        Kind::Block => "block",
        Kind::Broken(Breakage::NotADocument) => "no-document",
        Kind::Broken(Breakage::Unexpected) => "unexpected",
        Kind::Broken(Breakage::OpenText) => "open-text",
        Kind::Broken(Breakage::TooDeep) => "too-deep",
        Kind::Broken(Breakage::Unclosed) => "unclosed",
        Kind::Unfinished => "unfinished",
    };
    let text = |chunk: &Owned| chunk.text.replace('\n', "⏎").replace('\r', "");
    chunks.iter().map(|c| format!("{} {} {}", c.line, kind(c.kind), text(c))).collect()
}

/// Texts and the chunks that they fall into.
const TABLE: &[(&str, &[&str])] = &[
    ("", &[]),
    (" \n\r\n\t\n", &[]),
    ("{}", &["1 line {}"]),
    ("{\"a\":1}\n{\"b\":2}\n", &["1 line {\"a\":1}", "2 line {\"b\":2}"]),
    ("{\"a\":1}\r\n\r\n  {\"b\":2} \r\n", &["1 line {\"a\":1}", "3 line {\"b\":2}"]),
    ("\u{feff}{\"a\":1}\n", &["1 line {\"a\":1}"]),
    ("[{}]\n[1]", &["1 line [{}]", "2 line [1]"]),
    // Over many lines, alone and several, with and without separators.
    ("{\n  \"a\": [1, 2]\n}\n", &["1 block {⏎  \"a\": [1, 2]⏎}"]),
    (
        "{\n \"a\": 1\n}{\n \"b\": \"}\"\n}\n",
        &["1 block {⏎ \"a\": 1⏎}", "3 block {⏎ \"b\": \"}\"⏎}"],
    ),
    ("{\n}\n{\n}\n{}\n", &["1 block {⏎}", "3 block {⏎}", "5 line {}"]),
    (
        "{\n\"a\": {}\n} {\"b\":1} {\"c\":2}\n{}",
        &["1 block {⏎\"a\": {}⏎}", "3 block {\"b\":1}", "3 block {\"c\":2}", "4 line {}"],
    ),
    (
        "{ \"batches\": [\n  { \"a\": 1 },\n  { \"b\": 2 }\n] }\n",
        &["1 block { \"batches\": [⏎  { \"a\": 1 },⏎  { \"b\": 2 }⏎] }"],
    ),
    // Without any indent the inner lines look like documents, but the grammar knows better.
    (
        "{\n\"a\": [\n{\"b\":1},\n{\"c\":2}\n]\n}\n",
        &["1 block {⏎\"a\": [⏎{\"b\":1},⏎{\"c\":2}⏎]⏎}"],
    ),
    (
        "[\n{\"resourceSpans\":[]},\n{\"resourceSpans\":[]}\n]\n",
        &["1 block [⏎{\"resourceSpans\":[]},⏎{\"resourceSpans\":[]}⏎]"],
    ),
    // Brackets and escapes in quoted text.
    ("{\n\"a\\\"}{\": \"\\\\\"\n}", &["1 block {⏎\"a\\\"}{\": \"\\\\\"⏎}"]),
    // Two documents on a line have the shape of one; the parser refuses, `split` takes them apart.
    ("{\"a\":1}{\"b\":2}\n", &["1 line {\"a\":1}{\"b\":2}"]),
    // Broken text takes no whole line after it along.
    (
        "{\"a\":1}\n{this is no JSON at all\n{\"b\":2}\n",
        &["1 line {\"a\":1}", "2 unexpected {this is no JSON at all", "3 line {\"b\":2}"],
    ),
    (
        "{\"x\": \"json\", \"closing\": true\n{\"resource_spans\":[]}\n",
        &["1 unclosed {\"x\": \"json\", \"closing\": true", "2 line {\"resource_spans\":[]}"],
    ),
    ("{\"x\": true\n{\"a\":[]}\n", &["1 unexpected {\"x\": true", "2 line {\"a\":[]}"]),
    ("{\"a\": \"cut\n{\"b\":2}\n", &["1 open-text {\"a\": \"cut", "2 line {\"b\":2}"]),
    ("{\"a\": \"cut\\\n{\"b\":2}\n", &["1 open-text {\"a\": \"cut\\", "2 line {\"b\":2}"]),
    (
        "{\"resourceSpans\":[\n{ \"resourceSpans\" :[]}\n",
        &["1 unclosed {\"resourceSpans\":[", "2 line { \"resourceSpans\" :[]}"],
    ),
    (
        "level=info msg=hello\n{\"a\":1}\nbye\n",
        &["1 no-document level=info msg=hello", "2 line {\"a\":1}", "3 no-document bye"],
    ),
    (
        "[12:00:01] started up\n{\"a\":1}\n",
        &["1 unexpected [12:00:01] started up", "2 line {\"a\":1}"],
    ),
    (
        "{\n \"a\": }\n \"b\": 1\n}\n{\"c\":1}\n",
        &["1 unexpected {⏎ \"a\": }⏎ \"b\": 1⏎}", "5 line {\"c\":1}"],
    ),
    ("{\n]\n{}\n", &["1 unexpected {⏎]", "3 line {}"]),
    ("{\n} trailing\n{}\n", &["1 block {⏎}", "2 no-document trailing", "3 line {}"]),
    // A bad number or word stays inside its document, for the tolerant reader.
    ("{\n \"a\": 1e999x,\n \"b\": nope\n}\n", &["1 block {⏎ \"a\": 1e999x,⏎ \"b\": nope⏎}"]),
    // The end of the input inside a document.
    ("{}\n{\"a\":[1,", &["1 line {}", "2 unfinished {\"a\":[1,"]),
    ("{}\n{\"a\":\"tex", &["1 line {}", "2 unfinished {\"a\":\"tex"]),
    ("{\n \"a\": [\n", &["1 unfinished {⏎ \"a\": ["]),
    ("{}\n{bad", &["1 line {}", "2 unexpected {bad"]),
];

#[test]
fn texts_fall_into_their_chunks_however_they_are_read() {
    for (text, expected) in TABLE {
        let (whole, report) = read_all(text.as_bytes(), Options::default());
        assert_eq!(shown(&whole), *expected, "{text:?}");
        assert_eq!(report.text_bytes, text.len() as u64);
        for read_bytes in 1..=text.len() {
            let (parts, _) = read_all(text.as_bytes(), small(read_bytes, 1 << 20));
            assert_eq!(parts, whole, "{text:?} in reads of {read_bytes}");
        }
    }
}

#[test]
fn offsets_lead_back_to_the_text() {
    for (text, _) in TABLE {
        for chunk in read_all(text.as_bytes(), small(3, 1 << 20)).0 {
            let at = chunk.offset as usize;
            assert_eq!(&text[at..at + chunk.text.len()], chunk.text, "{text:?}");
            let line = 1 + text[..at].bytes().filter(|&byte| byte == b'\n').count() as u64;
            assert_eq!(chunk.line, line, "{text:?}");
        }
    }
}

#[test]
fn any_text_is_cut_the_same_in_any_reads() {
    const PIECES: [&str; 16] = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\\",
        ",",
        ":",
        "\n",
        "\n",
        " ",
        "x",
        "1",
        "\r\n",
        "{\"resourceSpans\":[]}",
        "\n{\"a\":{}}\n",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..3_000 {
        let text: String = (0..next(40)).map(|_| PIECES[next(PIECES.len())]).collect();
        let max = 1 + next(60);
        let (whole, report) = read_all(text.as_bytes(), small(1 << 16, max));
        for read_bytes in [1, 2, 3, 7, 64] {
            let (parts, other) = read_all(text.as_bytes(), small(read_bytes, max));
            assert_eq!(parts, whole, "{text:?} in reads of {read_bytes}, at most {max}");
            assert_eq!(other.refused, report.refused, "{text:?} in reads of {read_bytes}");
        }
        let mut end = 0;
        for chunk in &whole {
            assert!(chunk.offset >= end, "chunks of {text:?} overlap");
            assert!(chunk.text.len() <= max, "a chunk of {text:?} is above {max}");
            end = chunk.offset + chunk.text.len() as u64;
        }
    }
}

#[test]
fn documents_up_to_the_limit_are_read_and_larger_ones_refused_by_place() {
    let line = format!("{{\"a\":\"{}\"}}", "x".repeat(92));
    let block = format!("{{\n{}}}", " ".repeat(97));
    let open = format!("{{\"a\":\"{}", "x".repeat(94));
    for document in [&line, &block] {
        assert_eq!(document.len(), 100);
        let text = format!("{{}}\n{document}\n{{}}\n");
        for read_bytes in [1, 64, 1 << 16] {
            let (chunks, report) = read_all(text.as_bytes(), small(read_bytes, 100));
            assert_eq!((chunks.len(), report.refused.count()), (3, 0));
            let (chunks, report) = read_all(text.as_bytes(), small(read_bytes, 99));
            assert_eq!(chunks.len(), 2, "{chunks:?}");
            assert_eq!(report.refused.count(), 1);
            let place = &report.refused.first()[0];
            assert_eq!((place.offset, place.line, &*place.input), (3, 2, "memory"));
        }
    }
    let (chunks, report) = read_all(format!("{open}\n{{}}").as_bytes(), small(7, 99));
    assert_eq!((shown(&chunks), report.refused.count()), (vec!["2 line {}".into()], 1));
}

#[test]
fn nesting_up_to_the_limit_is_a_document() {
    for (depth, expected) in [(1_024, "block"), (1_025, "too-deep"), (1_000_000, "too-deep")] {
        let text = format!("\n{}\n{}\n", "[".repeat(depth), "]".repeat(depth));
        let shown = shown(&read_all(text.as_bytes(), Options::default()).0);
        assert!(shown[0].starts_with(&format!("2 {expected} ")), "depth {depth}");
    }
}

#[test]
fn hostile_text_takes_linear_time() {
    let count = 300_000;
    let texts = [
        "{\"resourceSpans\":[".repeat(count / 10),
        "{\"resourceSpans\":[\n".repeat(count / 10),
        "{}".repeat(count),
        "{}\n".repeat(count),
        "{\n".repeat(count),
        "[{\"a\n".repeat(count),
        "\n".repeat(count * 4),
        "{\"a\":\"".to_owned() + &"\\\"".repeat(count),
    ];
    for text in texts {
        let started = std::time::Instant::now();
        let (chunks, _) = read_all(text.as_bytes(), Options::default());
        let pieces: usize = chunks.iter().map(|chunk| split(&chunk.text, true).len()).sum();
        let seconds = started.elapsed().as_secs_f64();
        assert!(seconds < 10.0, "{:?}… took {seconds} s, {pieces} pieces", &text[..8]);
    }
}

fn split(text: &str, ends_input: bool) -> Vec<Owned> {
    let chunk = Chunk { bytes: text.as_bytes(), offset: 0, line: 1, kind: Kind::Line, ends_input };
    chunk.split().map(Owned::from).collect()
}

#[test]
fn a_refused_text_is_split_into_its_documents() {
    let cases: &[(&str, &[&str])] = &[
        ("{\"a\":1}{\"b\":2} [3]", &["1 block {\"a\":1}", "1 block {\"b\":2}", "1 block [3]"]),
        ("{\"a\":nope}", &["1 block {\"a\":nope}"]),
        ("{\"a\":1}}", &["1 block {\"a\":1}", "1 no-document }"]),
        ("{\"a\":1},{\"b\":1}", &["1 block {\"a\":1}", "1 no-document ,{\"b\":1}"]),
        (
            "{\"resourceSpans\":[{\"sco{\"resourceSpans\":[]}",
            &["1 unclosed {\"resourceSpans\":[{\"sco", "1 block {\"resourceSpans\":[]}"],
        ),
        (
            "{\"a\":[{\"resourceLogs\":[]}{\"b\":1}x{\"batches\":1}",
            &[
                "1 unclosed {\"a\":[",
                "1 block {\"resourceLogs\":[]}",
                "1 block {\"b\":1}",
                "1 no-document x",
                "1 block {\"batches\":1}",
            ],
        ),
        ("{\"a\":1}\n{\n}\n{x}", &["1 block {\"a\":1}", "2 block {⏎}", "4 unexpected {x}"]),
        ("{\"a\":{}", &["1 unfinished {\"a\":{}"]),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(&split(text, true)), *expected, "{text:?}");
    }
    assert_eq!(shown(&split("{\"a\":{}", false)), ["1 unclosed {\"a\":{}"]);
}

#[test]
fn a_copy_is_padded_and_leaves_the_text_alone() {
    let mut scratch = vec![b'?'; 500];
    let text = b"{\"a\":1}";
    let chunk = Chunk { bytes: text, offset: 0, line: 1, kind: Kind::Line, ends_input: true };
    assert_eq!(chunk.copy_padded(&mut scratch), 7);
    assert_eq!(&scratch[..7], text);
    assert_eq!(scratch.len(), 7 + betrace_corpora::source::PADDING);
}

#[test]
fn the_smallest_limits_are_one_byte() {
    let text = b"x\n{\"a\":1}\n\n[\n]\n{\n\n{}";
    for read_bytes in 0..4 {
        for max_document in [0, 1] {
            let (chunks, report) = read_all(text, small(read_bytes, max_document));
            let texts: Vec<_> = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
            assert_eq!((texts, report.refused.count()), (vec!["x"], 4), "{read_bytes}");
            assert_eq!(report.text_bytes, text.len() as u64);
        }
        let (chunks, report) = read_all(text, small(read_bytes, 2));
        assert_eq!((chunks.len(), report.refused.count()), (2, 3), "{read_bytes}");
    }
}
