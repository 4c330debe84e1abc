//! The stack machine: one operation a byte.

use std::collections::HashMap;

use super::{Class, Id, Node, PickleError};

/// The most values that a pickle may make. A checkpoint of the full network with its optimiser
/// makes about 50,000.
pub(super) const MOST_NODES: usize = 1 << 20;

/// The state of the stack machine.
#[derive(Default)]
pub(super) struct Machine<'a> {
    input: &'a [u8],
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

const EARLY: PickleError = PickleError::Damaged("the pickle ends too early");
const STACK: PickleError = PickleError::Damaged("the pickle uses a value that is not there");
const ARGUMENTS: PickleError = PickleError::Damaged("the pickle calls a function with wrong arguments");

impl<'a> Machine<'a> {
    /// Runs a pickle; returns every value that it made, and the place of its result.
    pub(super) fn run(input: &'a [u8]) -> Result<(Vec<Node>, Id), PickleError> {
        let mut machine = Machine { input, ..Machine::default() };
        while !machine.step()? {}
        let root = machine.pop()?;
        Ok((machine.nodes, root))
    }

    /// Runs one operation; true at the end.
    fn step(&mut self) -> Result<bool, PickleError> {
        match self.byte()? {
            b'.' => return Ok(true),
            0x80 => self.protocol()?,
            b'(' => self.marks.push(self.stack.len()),
            // BUILD takes an object's state off; those of containers and parameters hold no tensors.
            b'0' | b'b' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'N' | 0x88 | 0x89 => self.push(Node::Opaque)?,
            b'K' => self.integer(1)?,
            b'M' => self.integer(2)?,
            b'J' => self.integer(4)?,
            0x8A => self.long()?,
            b'G' => self.opaque(8)?,
            b'C' | b'U' => self.counted(1)?,
            b'B' | b'T' => self.counted(4)?,
            b'X' => self.text()?,
            b')' | b']' => self.push(Node::Sequence(Vec::new()))?,
            b'}' => self.push(Node::Map(Vec::new()))?,
            b't' | b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::Sequence(items))?;
            }
            n @ 0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(n - 0x84)).ok_or(STACK)?;
                let items = self.stack.split_off(from);
                self.push(Node::Sequence(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set(&items)?;
            }
            b'c' => self.class()?,
            b'R' | 0x81 => self.call()?,
            b'Q' => self.storage()?,
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            other => return Err(PickleError::Forbidden(format!("pickle operation 0x{other:02x}"))),
        }
        Ok(false)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], PickleError> {
        let (taken, rest) = self.input.split_at_checked(len).ok_or(EARLY)?;
        self.input = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned little-endian number of at most four bytes.
    fn number(&mut self, len: usize) -> Result<u32, PickleError> {
        Ok(self.take(len)?.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    fn push(&mut self, node: Node) -> Result<(), PickleError> {
        if self.nodes.len() == MOST_NODES {
            return Err(PickleError::Damaged("the pickle makes too many values"));
        }
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        self.stack.pop().ok_or(STACK)
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len()).ok_or(STACK)?;
        Ok(self.stack.split_off(mark))
    }

    fn protocol(&mut self) -> Result<(), PickleError> {
        match self.byte()? {
            0..=3 => Ok(()),
            other => Err(PickleError::Forbidden(format!("pickle protocol {other}"))),
        }
    }

    fn integer(&mut self, len: usize) -> Result<(), PickleError> {
        let number = self.number(len)?;
        // Four bytes are signed, fewer are not.
        let value = if len == 4 { i64::from(number as i32) } else { i64::from(number) };
        self.push(Node::Integer(value))
    }

    /// A little-endian two's complement of any length.
    fn long(&mut self) -> Result<(), PickleError> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        if len > 8 {
            return self.push(Node::Opaque);
        }
        let sign = if bytes.last().is_some_and(|byte| byte >> 7 == 1) { -1 } else { 0 };
        self.push(Node::Integer(bytes.iter().rev().fold(sign, |value, &byte| value << 8 | i64::from(byte))))
    }

    fn opaque(&mut self, len: usize) -> Result<(), PickleError> {
        self.take(len)?;
        self.push(Node::Opaque)
    }

    /// Bytes behind their count.
    fn counted(&mut self, len: usize) -> Result<(), PickleError> {
        let count = self.number(len)? as usize;
        self.opaque(count)
    }

    fn text(&mut self) -> Result<(), PickleError> {
        let count = self.number(4)? as usize;
        let text = String::from_utf8_lossy(self.take(count)?).into_owned();
        self.push(Node::Text(text))
    }

    /// The container on top of the stack.
    fn container(&mut self) -> Result<&mut Node, PickleError> {
        let &id = self.stack.last().ok_or(STACK)?;
        Ok(&mut self.nodes[id])
    }

    fn append(&mut self, items: &[Id]) -> Result<(), PickleError> {
        match self.container()? {
            Node::Sequence(sequence) => sequence.extend(items),
            Node::Opaque => {}
            _ => return Err(PickleError::Damaged("the pickle appends to what is no list")),
        }
        Ok(())
    }

    /// Keys and values in turn.
    fn set(&mut self, items: &[Id]) -> Result<(), PickleError> {
        match self.container()? {
            Node::Map(map) => map.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            Node::Opaque => {}
            _ => return Err(PickleError::Damaged("the pickle sets a key of what is no dictionary")),
        }
        Ok(())
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let len = self.input.iter().position(|&byte| byte == b'\n').ok_or(EARLY)?;
        let line = String::from_utf8_lossy(self.take(len)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn class(&mut self) -> Result<(), PickleError> {
        let (module, name) = (self.line()?, self.line()?);
        let class = Class::named(&module, &name)
            .ok_or_else(|| PickleError::Forbidden(format!("{module:.80}.{name:.80}")))?;
        self.push(Node::Class(class))
    }

    /// Describes what a class would make of its arguments.
    fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Node::Sequence(arguments) = &self.nodes[arguments] else { return Err(ARGUMENTS) };
        let made = match &self.nodes[callee] {
            Node::Class(Class::OrderedDict) => Node::Map(Vec::new()),
            Node::Class(Class::Settings) => Node::Opaque,
            Node::Class(Class::RebuildTensor) => self.tensor(arguments).ok_or(ARGUMENTS)?,
            Node::Class(Class::RebuildParameter) => match arguments.first().map(|&id| &self.nodes[id]) {
                Some(tensor @ Node::Tensor { .. }) => tensor.clone(),
                _ => return Err(ARGUMENTS),
            },
            _ => return Err(PickleError::Forbidden("a call of what is no function".into())),
        };
        self.push(made)
    }

    fn tensor(&self, arguments: &[Id]) -> Option<Node> {
        let &[storage, offset, shape, strides, ..] = arguments else { return None };
        let Node::Storage { .. } = self.nodes[storage] else { return None };
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        let offset = self.size(offset)?;
        (shape.len() == strides.len()).then_some(Node::Tensor { storage, offset, shape, strides })
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.nodes[id] {
            Node::Integer(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// A tuple of at most eight sizes.
    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match &self.nodes[id] {
            Node::Sequence(items) if items.len() <= 8 => items.iter().map(|&id| self.size(id)).collect(),
            _ => None,
        }
    }

    /// PyTorch's persistent ids: ("storage", class, key, device, number of values).
    fn storage(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let Node::Sequence(items) = &self.nodes[id] else { return Err(ARGUMENTS) };
        let &[_, class, key, ..] = items.as_slice() else { return Err(ARGUMENTS) };
        match (&self.nodes[class], &self.nodes[key]) {
            (&Node::Class(Class::Storage(kind)), Node::Text(_)) => self.push(Node::Storage { kind, key }),
            _ => Err(ARGUMENTS),
        }
    }

    fn put(&mut self, len: usize) -> Result<(), PickleError> {
        let number = self.number(len)?;
        let &id = self.stack.last().ok_or(STACK)?;
        self.memo.insert(number, id);
        Ok(())
    }

    fn get(&mut self, len: usize) -> Result<(), PickleError> {
        let number = self.number(len)?;
        let &id = self.memo.get(&number).ok_or(STACK)?;
        self.stack.push(id);
        Ok(())
    }
}
