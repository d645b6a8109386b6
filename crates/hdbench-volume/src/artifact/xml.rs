use hdbench_ground::text::acts;

/// Text inside XML; control characters and others that act on what shows them become `\u{1b}`.
pub fn xml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\t' | '\n' | '\r' => out.push(c),
            // XML has no way to write them; `\u{1b}` tells what it was.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if acts(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
