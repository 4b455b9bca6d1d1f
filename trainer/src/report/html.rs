//! The pieces of a page. What comes from files goes through [`escape`].

use std::fmt::Write;

/// Colours follow the reader's choice of light or dark.
const STYLE: &str = include_str!("style.css");

/// Text as it may stand between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // No control character is allowed in HTML but white space.
            c if c.is_control() && !c.is_whitespace() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole page. Nothing is fetched and no script is run, whatever the files hold: the policy says so to the browser too.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

pub(super) fn heading(level: u8, text: &str) -> String {
    format!("<h{level}>{}</h{level}>\n", escape(text))
}

pub(super) fn note(text: &str) -> String {
    format!("<p class=\"note\">{}</p>\n", escape(text))
}

/// Names and what they are.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let mut list = String::from("<dl>\n");
    for (name, text) in facts {
        let _ = writeln!(list, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(text));
    }
    list + "</dl>\n"
}

/// A table of text; its first `named` columns are names, the others figures.
pub(super) fn table(heads: &[&str], named: usize, rows: &[Vec<String>]) -> String {
    let row = |cells: &mut dyn Iterator<Item = &str>, tag: &str| {
        let mut line = String::from("<tr>");
        for (index, cell) in cells.enumerate() {
            let class = if index < named { "name" } else { "figure" };
            let _ = write!(line, "<{tag} class=\"{class}\">{}</{tag}>", escape(cell));
        }
        line + "</tr>\n"
    };
    let head = row(&mut heads.iter().copied(), "th");
    let body: String = rows.iter().map(|cells| row(&mut cells.iter().map(String::as_str), "td")).collect();
    scrolling(&format!("<table>\n<thead>\n{head}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"))
}

/// What may be wider than the page.
pub(super) fn scrolling(inner: &str) -> String {
    format!("<div class=\"wide\">\n{inner}</div>\n")
}

/// `87.5`, or a dash.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{:.1}", 100.0 * share))
}
