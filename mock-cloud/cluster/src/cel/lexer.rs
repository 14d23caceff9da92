//! Text into tokens, each with the place where it starts.

use super::fault::Fault;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Identifier(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longer ones first.
const SIGNS: [&str; 27] = [
    "&&", "||", "==", "!=", "<=", ">=", ".?", "[?", "<", ">", "+", "-", "*", "/", "%", "!", "?",
    ":", ",", ".", "(", ")", "[", "]", "{", "}", "=",
];

/// The tokens, and at its end `End`. A place is counted in characters.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Fault> {
    let mut lexer = Lexer {
        text: text.chars().collect(),
        at: 0,
    };
    let mut found = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let token = lexer.next()?;
        let end = token == Token::End;
        found.push((token, start));
        if end {
            return Ok(found);
        }
    }
}

struct Lexer {
    text: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_blank(&mut self) {
        loop {
            match self.peek(0) {
                Some(' ' | '\t' | '\n' | '\r' | '\u{c}') => self.at += 1,
                Some('/') if self.peek(1) == Some('/') => {
                    while self.peek(0).is_some_and(|next| next != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault::syntax(self.at, what)
    }

    fn next(&mut self) -> Result<Token, Fault> {
        let Some(first) = self.peek(0) else {
            return Ok(Token::End);
        };
        if let Some(prefix) = self.string_prefix() {
            return self.string(prefix);
        }
        if first.is_ascii_digit()
            || (first == '.' && self.peek(1).is_some_and(|next| next.is_ascii_digit()))
        {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Identifier(self.word()));
        }
        let rest: String = self.text[self.at..].iter().take(2).collect();
        match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(self.fault(format!("token recognition error at: '{first}'"))),
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self
            .peek(0)
            .is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
        {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let start = self.at;
        let hex = self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'X'));
        if hex {
            self.at += 2;
        }
        let mut double = false;
        while let Some(next) = self.peek(0) {
            let exponent = !hex && matches!(next, 'e' | 'E');
            let point = !hex
                && next == '.'
                && !double
                && self.peek(1).is_some_and(|next| next.is_ascii_digit());
            if exponent {
                double = true;
                self.at += usize::from(matches!(self.peek(1), Some('+' | '-')));
            } else if point {
                double = true;
            } else if !(next.is_ascii_digit() || (hex && next.is_ascii_hexdigit())) {
                break;
            }
            self.at += 1;
        }
        let digits: String = self.text[start..self.at].iter().collect();
        if double {
            let number = digits.parse();
            return number
                .map(Token::Double)
                .map_err(|_| self.fault("invalid double literal"));
        }
        let parsed = if hex {
            u64::from_str_radix(&digits[2..], 16)
        } else {
            digits.parse()
        };
        let unsigned = matches!(self.peek(0), Some('u' | 'U'));
        self.at += usize::from(unsigned);
        match parsed {
            Ok(number) if unsigned => Ok(Token::Uint(number)),
            Ok(number) => Ok(Token::Int(number)),
            Err(_) => Err(Fault::syntax(start, "invalid int literal")),
        }
    }

    /// `r`, `b` and both before a quote, or nothing before it.
    fn string_prefix(&self) -> Option<usize> {
        (0..=2).find(|length| {
            let prefix =
                (0..*length).all(|at| matches!(self.peek(at), Some('r' | 'R' | 'b' | 'B')));
            prefix && matches!(self.peek(*length), Some('"' | '\''))
        })
    }

    fn string(&mut self, prefix: usize) -> Result<Token, Fault> {
        let marks: String = self.text[self.at..self.at + prefix].iter().collect();
        let (raw, bytes) = (marks.contains(['r', 'R']), marks.contains(['b', 'B']));
        self.at += prefix;
        let quote = self.peek(0).unwrap_or('"');
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if triple { 3 } else { 1 };
        self.at += width;
        let mut text = String::new();
        loop {
            if (0..width).all(|ahead| self.peek(ahead) == Some(quote)) {
                self.at += width;
                break;
            }
            match self.peek(0) {
                None => return Err(self.fault("token recognition error: a string has no end")),
                Some('\n' | '\r') if !triple => {
                    return Err(self.fault("token recognition error: a string has no end"));
                }
                Some('\\') if !raw => text.push(self.escape()?),
                Some(plain) => {
                    text.push(plain);
                    self.at += 1;
                }
            }
        }
        Ok(if bytes {
            Token::Bytes(text.into_bytes())
        } else {
            Token::String(text)
        })
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let kind = self.peek(1);
        let plain = match kind {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(same @ ('\\' | '?' | '"' | '\'' | '`')) => same,
            Some('x' | 'X') => return self.code(2, 2, 16),
            Some('u') => return self.code(2, 4, 16),
            Some('U') => return self.code(2, 8, 16),
            Some('0'..='3') => return self.code(1, 3, 8),
            _ => return Err(self.fault("token recognition error: an unknown escape")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn code(&mut self, skip: usize, length: usize, radix: u32) -> Result<char, Fault> {
        let digits: String = (skip..skip + length)
            .filter_map(|at| self.peek(at))
            .collect();
        let code = u32::from_str_radix(&digits, radix)
            .ok()
            .and_then(char::from_u32);
        let code = code.ok_or_else(|| self.fault("token recognition error: a bad escape"))?;
        self.at += skip + length;
        Ok(code)
    }
}
