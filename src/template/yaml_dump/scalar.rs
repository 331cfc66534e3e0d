//! What a text allows in YAML: plain, in which quotes, over lines.

use std::sync::OnceLock;

use regex::Regex;

/// Whether YAML 1.1 reads a plain text as a text, and not as a number, a bool, null or a date.
pub fn resolves_to_text(text: &str) -> bool {
    static OTHERS: OnceLock<Option<Regex>> = OnceLock::new();
    let others = OTHERS.get_or_init(|| {
        let patterns = [
            r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
            r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?",
            r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
            r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+",
            r"<<|~|null|Null|NULL||=|[!&*]",
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
            r"[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?",
        ];
        Regex::new(&format!("^(?:{})$", patterns.join("|"))).ok()
    });
    others.as_ref().is_none_or(|others| !others.is_match(text))
}

/// What a text allows, as libyaml looks at it.
pub struct Analysis {
    pub multiline: bool,
    pub flow_plain: bool,
    pub block_plain: bool,
    pub single: bool,
}

pub fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

pub fn analyze(text: &str, unicode: bool) -> Analysis {
    let chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return Analysis { multiline: false, flow_plain: false, block_plain: true, single: true };
    }
    let blank = |at: usize| chars.get(at).is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(*c));
    let (mut flow, mut block) = (false, false);
    if text.starts_with("---") || text.starts_with("...") {
        (flow, block) = (true, true);
    }
    let (mut breaks, mut special) = (false, false);
    let (mut outer, mut break_space, mut space_break) = (false, false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (at, c) in chars.iter().copied().enumerate() {
        let (preceded, followed) = (at == 0 || blank(at - 1), blank(at + 1));
        let last = at + 1 == chars.len();
        if at == 0 {
            match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    (flow, block) = (true, true);
                }
                '?' | ':' => {
                    flow = true;
                    block |= followed;
                }
                '-' if followed => (flow, block) = (true, true),
                _ => {}
            }
        } else {
            match c {
                ',' | '?' | '[' | ']' | '{' | '}' => flow = true,
                ':' => {
                    flow = true;
                    block |= followed;
                }
                '#' if preceded => (flow, block) = (true, true),
                _ => {}
            }
        }
        special |= !is_printable(c) || (!c.is_ascii() && !unicode);
        breaks |= is_break(c);
        if c == ' ' {
            outer |= at == 0 || last;
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(c) {
            outer |= at == 0 || last;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
    }
    let never = space_break || special;
    let plain = !(outer || break_space || never || breaks);
    Analysis {
        multiline: breaks,
        flow_plain: plain && !flow,
        block_plain: plain && !block,
        single: !(break_space || never),
    }
}
