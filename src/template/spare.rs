//! Vectors that calls and includes have done with, kept for the next: a chart makes tens of thousands of calls.

use super::operand::Operand;
use super::text::Str;
use super::value::Value;

/// Vectors kept of each sort; calls nest rarely deeper.
const KEPT: usize = 32;

/// Bytes of a text whose memory is kept.
const TEXT: usize = 1 << 20;

/// Bytes that most includes write at most.
const LINES: usize = 256;

/// Empty vectors with room.
#[derive(Default)]
pub(super) struct Spare {
    operands: Vec<Vec<Operand>>,
    values: Vec<Vec<Value>>,
    texts: Vec<Vec<u8>>,
}

impl Spare {
    pub(super) fn operands(&mut self) -> Vec<Operand> {
        self.operands.pop().unwrap_or_default()
    }

    pub(super) fn keep_operands(&mut self, mut operands: Vec<Operand>) {
        operands.clear();
        if self.operands.len() < KEPT {
            self.operands.push(operands);
        }
    }

    pub(super) fn values(&mut self) -> Vec<Value> {
        self.values.pop().unwrap_or_default()
    }

    pub(super) fn keep_values(&mut self, mut values: Vec<Value>) {
        values.clear();
        if self.values.len() < KEPT {
            self.values.push(values);
        }
    }

    pub(super) fn text(&mut self) -> Vec<u8> {
        self.texts.pop().unwrap_or_else(|| Vec::with_capacity(LINES))
    }

    /// What was written, as a string; its memory is kept.
    pub(super) fn written(&mut self, mut text: Vec<u8>) -> Str {
        let written = Str::from(&*text);
        if self.texts.len() < KEPT && text.capacity() <= TEXT {
            text.clear();
            self.texts.push(text);
        }
        written
    }
}
