//! Tokens become trees: one for the text itself, one for every template that it defines.

use super::ast::{Branch, BranchKind, Command, Expr, ExprKind, Name, Node, Piece, Pipe, Source, Template};
use super::error::{Error, ErrorKind};
use super::function::Found;
use super::lexer::{LexOptions, Lexer, Token, TokenKind};
use super::limits::MAX_NESTING;
use super::names::Names;
use super::number::Number;
use super::place::Place;
use super::set::Dialect;
use super::text::Str;
use crate::go::quote::{quote, unquote};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Templates by name.
pub(super) type Trees = BTreeMap<Arc<str>, Arc<Template>>;

/// Which functions there are.
type Find<'f> = dyn Fn(&str) -> Option<Found> + 'f;

/// Parses `text` as the template `name`; `find` says which functions there are.
pub(super) fn parse(
    name: &str,
    text: &str,
    dialect: Dialect,
    names: &mut Names,
    find: &Find<'_>,
) -> Result<Trees, Error> {
    let source = Arc::new(Source { name: Arc::from(name), text: Arc::from(text) });
    let options = LexOptions {
        break_keyword: find("break").is_none(),
        continue_keyword: find("continue").is_none(),
        count_comment_lines: dialect != Dialect::Go1_23,
    };
    let mut parser = Parser {
        names,
        source: Arc::clone(&source),
        lexer: Lexer::new(text, options),
        find,
        trees: Trees::new(),
        tree: Tree::new(),
        depth: 0,
        delim: 0,
        open: Vec::new(),
        nodes: Vec::new(),
        commands: Vec::new(),
        exprs: Vec::new(),
        fields: Vec::new(),
    };
    let body = parser.parse()?;
    parser.add(Arc::clone(&source.name), body)?;
    Ok(parser.trees)
}

/// Whether a template writes nothing but space whatever happens: such a definition does not replace another.
pub(super) fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text { text, .. } if text.trim().is_empty()))
}

/// The state of the tree in hand. A definition inside a text is a tree of its own, over the same lexer.
struct Tree<'t> {
    tokens: [Token<'t>; 3],
    peeked: usize,
    variables: Vec<Arc<str>>,
    action_line: usize,
    range_depth: usize,
}

impl Tree<'_> {
    fn new() -> Self {
        let none = || Token { kind: TokenKind::Eof, pos: 0, text: "", line: 0 };
        Self {
            tokens: [none(), none(), none()],
            peeked: 0,
            variables: vec![Arc::from("$")],
            action_line: 0,
            range_depth: 0,
        }
    }
}

/// What a list has from here on, which is mostly one thing.
fn taken<T>(list: &mut Vec<T>, from: usize) -> Box<[T]> {
    if list.len() == from + 1
        && let Some(one) = list.pop()
    {
        return Box::new([one]);
    }
    list.drain(from..).collect()
}

/// A node, or what ends a list of nodes.
enum Item {
    Node(Node),
    End,
    Else { next: Option<TokenKind> },
}

impl Item {
    fn describe(&self) -> &'static str {
        if matches!(self, Self::End) { "{{end}}" } else { "{{else}}" }
    }
}

struct Parser<'t, 'f> {
    names: &'f mut Names,
    source: Arc<Source>,
    lexer: Lexer<'t>,
    find: &'f Find<'f>,
    trees: Trees,
    tree: Tree<'t>,
    depth: usize,
    /// Where the action in hand starts.
    delim: usize,
    /// Actions that wait for their `{{end}}`: what they are, and where they start. For error messages alone.
    open: Vec<(&'static str, usize)>,
    /// Parts of lists that are being read, innermost last: what is finished is taken off in one piece of the right size.
    nodes: Vec<Node>,
    commands: Vec<Command>,
    exprs: Vec<Expr>,
    fields: Vec<Name>,
}

type Parsed<T> = Result<T, Error>;

impl<'t> Parser<'t, '_> {
    // ---- tokens

    fn next(&mut self) -> Token<'t> {
        if self.tree.peeked > 0 {
            self.tree.peeked -= 1;
        } else {
            self.tree.tokens[0] = self.lexer.next_token();
        }
        self.tree.tokens[self.tree.peeked]
    }

    fn backup(&mut self) {
        self.tree.peeked += 1;
    }

    fn backup2(&mut self, first: Token<'t>) {
        self.tree.tokens[1] = first;
        self.tree.peeked = 2;
    }

    fn backup3(&mut self, first: Token<'t>, second: Token<'t>) {
        self.tree.tokens[1] = second;
        self.tree.tokens[2] = first;
        self.tree.peeked = 3;
    }

    fn peek(&mut self) -> &Token<'t> {
        if self.tree.peeked == 0 {
            self.tree.peeked = 1;
            self.tree.tokens[0] = self.lexer.next_token();
        }
        &self.tree.tokens[self.tree.peeked - 1]
    }

    fn next_non_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token<'t> {
        while self.peek().kind == TokenKind::Space {
            self.next();
        }
        self.peek()
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Parsed<Token<'t>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { Err(self.unexpected(&token, context)) }
    }

    // ---- errors

    fn error(&self, message: impl Into<String>) -> Error {
        let token = &self.tree.tokens[self.tree.peeked.min(2)];
        let node = if token.kind == TokenKind::Error { String::new() } else { token.text.to_string() };
        self.error_at(message.into(), token.pos, node)
    }

    /// An error whose real place is this one; Go's line is that of the token in hand.
    fn error_at(&self, message: String, pos: usize, node: String) -> Error {
        let line = self.tree.tokens[0].line;
        let place =
            |pos: usize, node: &str| Box::new(Place::new(&self.source, &self.source.name, pos, node.to_owned()));
        let opened = self.open.last().map(|(what, pos)| place(*pos, what));
        // The end of the text is not where the mistake is.
        let place = match &opened {
            Some(opened) if message.starts_with("unexpected EOF") => opened.clone(),
            _ => place(pos, &node),
        };
        Error {
            text: format!("template: {}:{line}: {message}", self.source.name),
            kind: ErrorKind::Parse,
            template: self.source.name.to_string(),
            line,
            column: None,
            message,
            cause: None,
            place: Some(place),
            calls: Vec::new(),
            opened,
        }
    }

    fn unexpected(&self, token: &Token<'_>, context: &str) -> Error {
        if token.kind != TokenKind::Error {
            let message = format!("unexpected {} in {context}", token.describe());
            return self.error_at(message, token.pos, token.text.to_string());
        }
        let started = self.tree.action_line;
        let message = self.lexer.message().to_owned();
        // An action that is never closed is wrong where it starts.
        let pos = if message.starts_with("unclosed action") { self.delim } else { token.pos };
        if started == 0 || started == token.line {
            return self.error_at(message, pos, String::new());
        }
        let joint = if message.ends_with(" action") { "" } else { " in action" };
        let message = format!("{message}{joint} started at {}:{started}", self.source.name);
        self.error_at(message, pos, String::new())
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            let mut error = self.error("max expression depth exceeded");
            error.kind = ErrorKind::Limit;
            return Err(error);
        }
        Ok(())
    }

    // ---- lists

    fn parse(&mut self) -> Parsed<Box<[Node]>> {
        while self.peek().kind != TokenKind::Eof {
            if self.peek().kind == TokenKind::LeftDelim {
                let delim = self.next();
                self.delim = delim.pos;
                if self.next_non_space().kind == TokenKind::Define {
                    let outer = std::mem::replace(&mut self.tree, Tree::new());
                    self.definition()?;
                    self.tree = outer;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Item::Node(node) => self.nodes.push(node),
                item @ (Item::End | Item::Else { .. }) => {
                    return Err(self.error(format!("unexpected {}", item.describe())));
                }
            }
        }
        Ok(self.nodes.drain(..).collect())
    }

    fn add(&mut self, name: Arc<str>, body: Box<[Node]>) -> Parsed<()> {
        if self.trees.get(&name).is_none_or(|old| is_empty(&old.body)) {
            let template = Template { name: Arc::clone(&name), source: Arc::clone(&self.source), body };
            self.trees.insert(name, Arc::new(template));
        } else if !is_empty(&body) {
            return Err(self.error(format!("template: multiple definition of template {}", quote(name.as_bytes()))));
        }
        Ok(())
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        self.open.push(("define", self.delim));
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(TokenKind::RightDelim, CONTEXT)?;
        let body = self.body(CONTEXT)?;
        self.open.pop();
        self.add(name, body)
    }

    /// The list up to its `{{end}}`.
    fn body(&mut self, context: &str) -> Parsed<Box<[Node]>> {
        let (body, end) = self.list()?;
        match end {
            Item::End => Ok(body),
            other => Err(self.error(format!("unexpected {} in {context}", other.describe()))),
        }
    }

    fn list(&mut self) -> Parsed<(Box<[Node]>, Item)> {
        let mark = self.nodes.len();
        while self.peek_non_space().kind != TokenKind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => self.nodes.push(node),
                end => return Ok((self.nodes.drain(mark..).collect(), end)),
            }
        }
        Err(self.error("unexpected EOF"))
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => {
                let text = Piece::new(&self.source.text, token.pos..token.pos + token.text.len());
                Ok(Item::Node(Node::Text { pos: token.pos, text }))
            }
            TokenKind::LeftDelim => {
                self.tree.action_line = token.line;
                self.delim = token.pos;
                self.deeper()?;
                let item = stacker::maybe_grow(64 << 10, 1 << 20, || self.action());
                self.depth -= 1;
                self.tree.action_line = 0;
                item
            }
            _ => Err(self.unexpected(&token, "input")),
        }
    }

    // ---- actions

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_non_space();
        Ok(Item::Node(match token.kind {
            TokenKind::Block => self.block()?,
            TokenKind::Break => {
                self.loop_control("{{break}}")?;
                Node::Break { pos: token.pos }
            }
            TokenKind::Continue => {
                self.loop_control("{{continue}}")?;
                Node::Continue { pos: token.pos }
            }
            TokenKind::Else => return self.else_control(),
            TokenKind::End => {
                self.expect(TokenKind::RightDelim, "end")?;
                return Ok(Item::End);
            }
            TokenKind::If => self.control(BranchKind::If)?,
            TokenKind::Range => self.control(BranchKind::Range)?,
            TokenKind::With => self.control(BranchKind::With)?,
            TokenKind::Template => self.template_call()?,
            _ => {
                self.backup();
                // Variables declared here stay until the end of the list that holds the action.
                let pos = self.peek().pos;
                Node::Action { pos, pipe: self.pipeline("command", TokenKind::RightDelim)? }
            }
        }))
    }

    fn loop_control(&mut self, name: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind != TokenKind::RightDelim {
            return Err(self.unexpected(&token, name));
        }
        if self.tree.range_depth == 0 {
            return Err(self.error(format!("{name} outside {{{{range}}}}")));
        }
        Ok(())
    }

    fn else_control(&mut self) -> Parsed<Item> {
        let next = self.peek_non_space().kind;
        if matches!(next, TokenKind::If | TokenKind::With) {
            return Ok(Item::Else { next: Some(next) });
        }
        self.expect(TokenKind::RightDelim, "else")?;
        Ok(Item::Else { next: None })
    }

    fn control(&mut self, kind: BranchKind) -> Parsed<Node> {
        let context = match kind {
            BranchKind::If => "if",
            BranchKind::Range => "range",
            BranchKind::With => "with",
        };
        let scope = self.tree.variables.len();
        let delim = self.delim;
        let pipe = self.pipeline(context, TokenKind::RightDelim)?;
        self.open.push((context, delim));
        let ranges = usize::from(kind == BranchKind::Range);
        self.tree.range_depth += ranges;
        let (body, end) = self.list()?;
        self.tree.range_depth -= ranges;
        let otherwise = match (end, kind) {
            (Item::Else { next: Some(TokenKind::If) }, BranchKind::If)
            | (Item::Else { next: Some(TokenKind::With) }, BranchKind::With) => {
                self.next(); // the second keyword
                self.deeper()?;
                let nested = stacker::maybe_grow(64 << 10, 1 << 20, || self.control(kind));
                self.depth -= 1;
                Some(vec![nested?].into())
            }
            (Item::Else { .. }, _) => {
                let (otherwise, end) = self.list()?;
                if !matches!(end, Item::End) {
                    return Err(self.error(format!("expected end; found {}", end.describe())));
                }
                Some(otherwise)
            }
            _ => None,
        };
        self.tree.variables.truncate(scope);
        self.open.pop();
        Ok(Node::Branch(Box::new(Branch { kind, pos: pipe.pos, pipe, body, otherwise })))
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        self.open.push(("block", self.delim));
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, TokenKind::RightDelim)?;
        let outer = std::mem::replace(&mut self.tree, Tree::new());
        let (body, end) = self.list()?;
        let inner = std::mem::replace(&mut self.tree, outer);
        if !matches!(end, Item::End) {
            return Err(self.error(format!("unexpected {} in {CONTEXT}", end.describe())));
        }
        self.open.pop();
        let outer = std::mem::replace(&mut self.tree, inner);
        self.add(Arc::clone(&name), body)?;
        self.tree = outer;
        Ok(Node::Template { pos: token.pos, name, pipe: Some(pipe) })
    }

    fn template_call(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = if self.next_non_space().kind == TokenKind::RightDelim {
            None
        } else {
            self.backup();
            Some(self.pipeline(CONTEXT, TokenKind::RightDelim)?)
        };
        Ok(Node::Template { pos: token.pos, name, pipe })
    }

    fn template_name(&mut self, token: &Token<'t>, context: &str) -> Parsed<Arc<str>> {
        match token.kind {
            TokenKind::String | TokenKind::RawString => Ok(self.unquoted(token)?.to_shared()),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn unquoted(&self, token: &Token<'t>) -> Parsed<Str> {
        unquote(token.text).map(|text| Str::from(&*text)).ok_or_else(|| self.error("invalid syntax"))
    }

    // ---- pipelines

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, assign: false, variables: Vec::new(), commands: Box::default() };
        let mark = self.commands.len();
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                TokenKind::Bool
                | TokenKind::CharConstant
                | TokenKind::Complex
                | TokenKind::Dot
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Number
                | TokenKind::Nil
                | TokenKind::RawString
                | TokenKind::String
                | TokenKind::Variable
                | TokenKind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    self.commands.push(command);
                }
                _ => return Err(self.unexpected(&token, context)),
            }
        }
        pipe.commands = taken(&mut self.commands, mark);
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if matches!(
                command.args.first().map(|arg| &arg.kind),
                Some(ExprKind::Bool(_) | ExprKind::Dot | ExprKind::Nil | ExprKind::Number(_) | ExprKind::String { .. })
            ) {
                return Err(self.error(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = *self.peek_non_space();
            if variable.kind != TokenKind::Variable {
                return Ok(());
            }
            self.next();
            let after = *self.peek();
            let next = *self.peek_non_space();
            match next.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    pipe.assign = next.kind == TokenKind::Assign;
                    self.next_non_space();
                    self.declare(pipe, &variable);
                    return Ok(());
                }
                TokenKind::Char if next.text == "," => {
                    self.next_non_space();
                    self.declare(pipe, &variable);
                    if context == "range" && pipe.variables.len() < 2 {
                        match self.peek_non_space().kind {
                            TokenKind::Variable | TokenKind::RightDelim | TokenKind::RightParen => continue,
                            _ => return Err(self.error("range can only initialize variables")),
                        }
                    }
                    return Err(self.error(format!("too many declarations in {context}")));
                }
                _ if after.kind == TokenKind::Space => {
                    self.backup3(variable, after);
                    return Ok(());
                }
                _ => {
                    self.backup2(variable);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: &Token<'t>) {
        let name = self.names.of(variable.text);
        pipe.variables.push(Arc::clone(&name));
        self.tree.variables.push(name);
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().pos;
        let mark = self.exprs.len();
        loop {
            self.peek_non_space(); // skip leading spaces
            if let Some(operand) = self.operand()? {
                self.exprs.push(operand);
            }
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelim | TokenKind::RightParen => {
                    self.backup();
                    break;
                }
                TokenKind::Pipe => break,
                _ => return Err(self.unexpected(&token, "operand")),
            }
        }
        if self.exprs.len() == mark {
            return Err(self.error("empty command"));
        }
        Ok(Command { pos, args: taken(&mut self.exprs, mark) })
    }

    /// A term, with the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Expr>> {
        if self.peek().kind == TokenKind::Field {
            let first = self.peek().pos;
            let (path, second) = self.path();
            // Of several fields, Go tells the place of the second.
            return Ok(Some(Expr { pos: second.unwrap_or(first), kind: ExprKind::Field(path) }));
        }
        let Some(term) = self.term()? else { return Ok(None) };
        if self.peek().kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos;
        let (path, _) = self.path();
        let kind = match term.kind {
            ExprKind::Variable(name, _) => ExprKind::Variable(name, path),
            ExprKind::Bool(_) | ExprKind::String { .. } | ExprKind::Number(_) | ExprKind::Nil | ExprKind::Dot => {
                let term = quote(term.to_string().as_bytes());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => ExprKind::Chain(Box::new(term), path),
        };
        Ok(Some(Expr { pos, kind }))
    }

    /// The fields that stand here, and where the second of them does.
    fn path(&mut self) -> (Box<[Name]>, Option<usize>) {
        let mut second = None;
        while self.peek().kind == TokenKind::Field {
            let field = self.next();
            if self.fields.len() == 1 {
                second = Some(field.pos);
            }
            let name = self.names.of(&field.text[1..]);
            self.fields.push(Name::new(name));
        }
        (taken(&mut self.fields, 0), second)
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.next_non_space();
        let pos = token.pos;
        let kind = match token.kind {
            TokenKind::Identifier => {
                let Some(found) = (self.find)(token.text) else {
                    return Err(self.error(format!("function {} not defined", quote(token.text.as_bytes()))));
                };
                ExprKind::Function(self.names.of(token.text), found)
            }
            TokenKind::Dot => ExprKind::Dot,
            TokenKind::Nil => ExprKind::Nil,
            TokenKind::Variable => {
                if !self.tree.variables.iter().any(|name| **name == *token.text) {
                    return Err(self.error(format!("undefined variable {}", quote(token.text.as_bytes()))));
                }
                ExprKind::Variable(self.names.of(token.text), Box::default())
            }
            TokenKind::Bool => ExprKind::Bool(token.text == "true"),
            TokenKind::CharConstant => self.number(Number::char(token.text))?,
            TokenKind::Complex => self.number(Number::complex(token.text))?,
            TokenKind::Number => self.number(Number::parse(token.text))?,
            TokenKind::LeftParen => {
                self.deeper()?;
                let pipe = stacker::maybe_grow(64 << 10, 1 << 20, || {
                    self.pipeline("parenthesized pipeline", TokenKind::RightParen)
                });
                self.depth -= 1;
                ExprKind::Pipe(Box::new(pipe?))
            }
            TokenKind::String | TokenKind::RawString => {
                let text = self.unquoted(&token)?;
                let plain = token.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(&*text);
                ExprKind::String { text, literal: (!plain).then(|| Box::from(token.text)) }
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos, kind }))
    }

    fn number(&self, number: Result<Number, String>) -> Parsed<ExprKind> {
        number.map(|number| ExprKind::Number(Box::new(number))).map_err(|message| self.error(message))
    }
}
