//! Tokens into an expression, macros included (the grammar of the CEL specification).

use super::expr::{Expr, Node, call, literal, select};
use super::fault::Fault;
use super::lexer::{Token, tokens};
use super::macros::{has, member};
use super::value::Value;

const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "in",
];

/// Deeper than any rule that a person writes, and far from the end of the stack.
const DEPTH: usize = 50;
/// The same for one that goes on and on: its operators are nested in each other, too.
const TOKENS: usize = 1000;

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<Expr, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    if let Some((_, at)) = parser.tokens.get(TOKENS) {
        let why = format!("expression is longer than {TOKENS} words and signs");
        return Err(Fault::syntax(*at, why));
    }
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        other => Err(parser.unexpected(&other.clone())),
    }
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

/// Binary operators by how they bind, loosest first.
const LEVELS: [&[(&str, &str)]; 5] = [
    &[("||", "_||_")],
    &[("&&", "_&&_")],
    &[
        ("==", "_==_"),
        ("!=", "_!=_"),
        ("<", "_<_"),
        ("<=", "_<=_"),
        (">", "_>_"),
        (">=", "_>=_"),
    ],
    &[("+", "_+_"), ("-", "_-_")],
    &[("*", "_*_"), ("/", "_/_"), ("%", "_%_")],
];
const RELATIONS: usize = 2;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn place(&self) -> usize {
        self.tokens[self.at].1
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if token != Token::End {
            self.at += 1;
        }
        token
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(next) if *next == sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.take(sign) {
            return Ok(());
        }
        let token = self.peek().clone();
        Err(self.mismatch(&token, &format!("'{sign}'")))
    }

    fn unexpected(&self, token: &Token) -> Fault {
        self.mismatch(token, "an expression")
    }

    fn mismatch(&self, token: &Token, wanted: &str) -> Fault {
        let shown = match token {
            Token::End => "<EOF>".to_owned(),
            Token::Identifier(name) => name.clone(),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Int(number) | Token::Uint(number) => number.to_string(),
            Token::Double(number) => number.to_string(),
            Token::String(text) => format!("{text:?}"),
            Token::Bytes(_) => "bytes".to_owned(),
        };
        Fault::syntax(
            self.place(),
            format!("mismatched input '{shown}' expecting {wanted}"),
        )
    }

    fn expression(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            let why = format!("expression recursion limit exceeded: {DEPTH}");
            return Err(Fault::syntax(self.place(), why));
        }
        let condition = self.binary(0)?;
        let at = self.place();
        let whole = if self.take("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            call(at, "_?_:_", vec![condition, yes, no])
        } else {
            condition
        };
        self.depth -= 1;
        Ok(whole)
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Fault> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let at = self.place();
            let function = match self.peek() {
                Token::Sign(sign) => operators
                    .iter()
                    .find(|(operator, _)| operator == sign)
                    .map(|(_, function)| *function),
                Token::Identifier(word) if level == RELATIONS && word == "in" => Some("@in"),
                _ => None,
            };
            let Some(function) = function else {
                return Ok(left);
            };
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = call(at, function, vec![left, right]);
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let at = self.place();
        if self.take("!") {
            return Ok(call(at, "!_", vec![self.unary()?]));
        }
        if self.take("-") {
            // The least number has no positive counterpart.
            if let Token::Int(number) = self.peek().clone() {
                let number = 0_i64.checked_sub_unsigned(number);
                let number = number.ok_or_else(|| Fault::syntax(at, "invalid int literal"))?;
                self.at += 1;
                return self.members(literal(at, Value::Int(number)));
            }
            if let Token::Double(number) = *self.peek() {
                self.at += 1;
                return self.members(literal(at, Value::Double(-number)));
            }
            return Ok(call(at, "-_", vec![self.unary()?]));
        }
        let primary = self.primary()?;
        self.members(primary)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let at = self.place();
        let token = self.advance();
        Ok(match token {
            Token::Int(number) => {
                let number = i64::try_from(number);
                let number = number.map_err(|_| Fault::syntax(at, "invalid int literal"))?;
                literal(at, Value::Int(number))
            }
            Token::Uint(number) => literal(at, Value::Uint(number)),
            Token::Double(number) => literal(at, Value::Double(number)),
            Token::String(text) => literal(at, Value::text(&text)),
            Token::Bytes(bytes) => literal(at, Value::Bytes(bytes.into())),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => Expr {
                at,
                node: Node::List(self.arguments("]")?),
            },
            Token::Sign("{") => Expr {
                at,
                node: Node::Map(self.entries()?),
            },
            Token::Identifier(word) => self.word(at, word)?,
            other => {
                self.at = self.at.saturating_sub(usize::from(other != Token::End));
                return Err(self.unexpected(&other));
            }
        })
    }

    fn word(&mut self, at: usize, word: String) -> Result<Expr, Fault> {
        match word.as_str() {
            "true" => return Ok(literal(at, Value::Bool(true))),
            "false" => return Ok(literal(at, Value::Bool(false))),
            "null" => return Ok(literal(at, Value::Null)),
            reserved if RESERVED.contains(&reserved) => {
                return Err(Fault::syntax(at, format!("reserved identifier: {word}")));
            }
            _ => {}
        }
        let open = self.place();
        if !self.take("(") {
            return Ok(Expr {
                at,
                node: Node::Identifier(word),
            });
        }
        let args = self.arguments(")")?;
        if word == "has" {
            return has(open, args);
        }
        Ok(call(open, &word, args))
    }

    fn arguments(&mut self, end: &str) -> Result<Vec<Expr>, Fault> {
        let mut found = Vec::new();
        while !self.take(end) {
            found.push(self.expression()?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(found)
    }

    fn entries(&mut self) -> Result<Vec<(Expr, Expr)>, Fault> {
        let mut found = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.expect(":")?;
            found.push((key, self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(found)
    }

    fn members(&mut self, mut operand: Expr) -> Result<Expr, Fault> {
        loop {
            let at = self.place();
            if self.take(".?") {
                let field = self.name()?;
                operand = select(at, operand, field, true);
            } else if self.take(".") {
                let field = self.name()?;
                let open = self.place();
                operand = if self.take("(") {
                    let args = self.arguments(")")?;
                    member(open, operand, &field, args)?
                } else {
                    select(at, operand, field, false)
                };
            } else if self.take("[?") {
                let index = self.expression()?;
                self.expect("]")?;
                operand = call(at, "_[?_]", vec![operand, index]);
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                operand = call(at, "_[_]", vec![operand, index]);
            } else {
                return Ok(operand);
            }
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.peek().clone() {
            Token::Identifier(name) if name != "in" => {
                self.at += 1;
                Ok(name)
            }
            other => Err(self.mismatch(&other, "IDENTIFIER")),
        }
    }
}
