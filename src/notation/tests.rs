use super::*;

fn ids(spans: &[Span]) -> Vec<(u64, u64)> {
    let number = u64::from_be_bytes;
    spans.iter().map(|span| (number(span.span_id), number(span.parent_id))).collect()
}

#[test]
fn ids_parents_and_times_have_defaults() {
    let spans = read("root, a x2 every 10ms, b @5s +200ms ^none #9, c ^2, d ^lost").unwrap();
    let lost = LOST;
    assert_eq!(ids(&spans), [(1, 0), (2, 1), (3, 1), (9, 0), (5, 2), (6, lost)]);
    let times = |span: &Span| (span.start - EPOCH, span.end - span.start);
    assert_eq!(times(&spans[0]), (0, 1_000_000));
    assert_eq!(times(&spans[2]), (11_000_000, 1_000_000));
    assert_eq!(times(&spans[3]), (5_000_000_000, 200_000_000));
    assert_eq!(times(&spans[4]), (4_000_000, 1_000_000));
    assert_eq!(ids(&read("a ^2,\n  b\n").unwrap()), [(1, 2), (2, 1)]);
}

#[test]
fn attributes_go_where_their_keys_say() {
    let text = r#""GET /x" {span:kind=server, span:status=error, span:statusMessage="no \u00e9",
        resource.service.name=shop, a=5, b=5.0, c=007x, d=[1, {e=nothing}], "f g"=b"AAE=", h=-inf}"#;
    let span = read(text).unwrap().remove(0);
    assert_eq!((span.name.as_str(), span.message.as_str()), ("GET /x", "no é"));
    assert_eq!((span.kind, span.status), (Kind::Server, Status::Error));
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(span.resource, [("service.name".to_owned(), text("shop"))]);
    let expected = [
        ("a", Value::Int(5)),
        ("b", Value::Float(5.0)),
        ("c", text("007x")),
        ("d", Value::List(vec![Value::Int(1), Value::Map(vec![("e".to_owned(), Value::Empty)])])),
        ("f g", Value::Bytes(vec![0, 1])),
        ("h", Value::Float(f64::NEG_INFINITY)),
    ];
    assert_eq!(span.attributes, expected.map(|(key, value)| (key.to_owned(), value)));
}

#[test]
fn errors_say_what_and_where() {
    for (text, place, title) in [
        ("", "", "expected the name of a span, found the end"),
        ("a,", "", "expected the name of a span, found the end"),
        ("a b", "b", "`b` is no mark of a span"),
        ("a {x 1}", "1", "expected `=`, found `1`"),
        ("a {x=1 y=2}", "y", "expected `,` or `}`, found `y`"),
        ("a {x=", "", "expected a value, found the end"),
        ("a {x=\"1}", "\"1}", "the text in quotes does not end"),
        (r#"a {x="\q"}"#, "\\", "a backslash that begins no escape"),
        ("a {x=b\"?\"}", "b\"?\"", "the bytes are not base64: Invalid symbol 63, offset 0."),
        ("a {span:kind=sever}", "sever", "no span:kind is called `sever`"),
        ("a {span:status=5}", "5", "`span:status` is a text"),
        ("a {span:name=b}", "span:name", "`span:name` is no attribute"),
        ("a x", "x", "`x` is not a number of spans"),
        ("a x0", "x0", "`x0` is not a number of spans"),
        ("a x2000000", "a x2000000", "more than 100000 spans in one trace"),
        ("a +5", "+5", "`5` is not a duration"),
        ("a every soon", "soon", "`soon` is not a duration"),
        ("a, b ^7", "^7", "no span has the id 7"),
        ("a @-99999d", "a @-99999d", "the span lies outside of the years 1970 to 2554"),
        ("a x2 #18446744073709551615", "a x2 #18446744073709551615", "the span lies outside"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.title.starts_with(title), "{text}: {error}");
        assert_eq!(&text[error.span.clone()], place, "{text}: {error}");
    }
    let deep = format!("a {{x={}", "[".repeat(100_000));
    assert_eq!(read(&deep).unwrap_err().title, "lists and maps nest more than 32 deep");
    let deepest = format!("a {{x={}{}}}", "[".repeat(32), "]".repeat(32));
    assert!(read(&deepest).is_ok());
}

/// Texts of pieces of the notation, in any order, with places that lie in the text.
#[test]
fn no_text_panics_on_a_small_stack() {
    const PIECES: [&str; 40] = [
        "a",
        "b.c",
        "{",
        "}",
        "=",
        ",",
        " ",
        "\"",
        "\\",
        "\\u12",
        "\\ud800",
        "x3",
        "x",
        "every",
        "10ms",
        "@",
        "@-5s",
        "+",
        "+1m",
        "^",
        "^none",
        "^2",
        "#",
        "#2",
        "[",
        "]",
        "b\"",
        "AAE=",
        "nothing",
        "1e9",
        "-",
        "é",
        "\u{2028}",
        "\n",
        "span:kind",
        "resource.",
        "5",
        "9999999999d",
        "\u{0}",
        "#18446744073709551615",
    ];
    let run = || {
        let mut state = 1_u64;
        for _ in 0..40_000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
                text += PIECES[(state >> 33) as usize % PIECES.len()];
            }
            state = state.wrapping_add(1);
            if let Err(error) = read(&text) {
                assert!(text.get(error.span.clone()).is_some(), "{text:?}: {error:?}");
                assert!(!error.title.is_empty());
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(run);
    thread.expect("a thread").join().expect("no text panics");
}

#[test]
fn what_is_written_reads_back() {
    let text = r#"plain, "GET /x"{span:kind=server, span:status=error, span:statusMessage="true",
        resource.service.name="web shop", a=5, b=5.0, c="5", d=[1, {e=nothing, "é f"=-0.0}, []],
        g=b"AAE=", h=-Infinity, i="", j="\u0001\"\\", k=true, l="nothing", m=1e300}"#;
    let spans = read(text).unwrap();
    for span in &spans {
        let again = read(&write(span)).unwrap().remove(0);
        assert_eq!(write(&again), write(span));
        let parts = |span: &Span| (span.attributes.clone(), span.resource.clone());
        assert_eq!(parts(&again), parts(span));
        assert_eq!((&again.name, again.kind, again.status), (&span.name, span.kind, span.status));
        assert_eq!(again.message, span.message);
    }
    assert_eq!(write(&spans[0]), "plain");
}
