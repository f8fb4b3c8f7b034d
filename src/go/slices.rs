//! How far a slice reaches beyond its end (`append`): templates can see it, as sprig's `slice` goes up to there.

/// The sizes of what Go's allocator gives, in bytes.
const CLASSES: [usize; 67] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480,
    512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864,
    5120, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072,
    20480, 21760, 24576, 27264, 28672,
];
/// The last class.
const LARGEST: usize = 32_768;
/// What stands before an object that holds pointers and is larger than [`WITHOUT_HEADER`].
const HEADER: usize = 8;
const WITHOUT_HEADER: usize = 512;
const PAGE: usize = 8_192;

/// What a slice holds, as far as it decides how the slice grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    /// Bytes of one element.
    pub(crate) size: usize,
    /// Whether there are pointers in it.
    pub(crate) pointers: bool,
}

/// The capacity of a slice after so many elements are appended one at a time to one that had a capacity.
pub(crate) fn appended(element: Element, mut capacity: usize, length: usize) -> usize {
    while capacity < length {
        capacity = grown(element, capacity, capacity + 1);
    }
    capacity
}

/// The capacity of a slice of full capacity after elements were appended at once, to be so many.
pub(crate) fn grown(element: Element, capacity: usize, length: usize) -> usize {
    if length <= capacity {
        return capacity;
    }
    let wanted = if length > capacity.saturating_mul(2) {
        length
    } else if capacity < 256 {
        capacity * 2
    } else {
        let mut wanted = capacity;
        while wanted < length {
            wanted += (wanted + 3 * 256) / 4;
        }
        wanted
    };
    allocated(wanted.saturating_mul(element.size), element.pointers) / element.size.max(1)
}

/// Bytes that the allocator gives where so many are asked for.
fn allocated(size: usize, pointers: bool) -> usize {
    if size > LARGEST - HEADER {
        return size.div_ceil(PAGE).saturating_mul(PAGE);
    }
    let header = if pointers && size > WITHOUT_HEADER { HEADER } else { 0 };
    CLASSES.iter().find(|class| **class >= size + header).unwrap_or(&LARGEST) - header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_as_gos() {
        let (interface, int) = (Element { size: 16, pointers: true }, Element { size: 8, pointers: false });
        for (length, capacity) in [(0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (33, 71), (65, 71), (72, 143)] {
            assert_eq!(appended(interface, 0, length), capacity, "{length}");
        }
        for (length, capacity) in [(3, 4), (65, 128), (257, 512), (513, 848), (849, 1280)] {
            assert_eq!(appended(int, 0, length), capacity, "{length}");
        }
        assert_eq!((grown(interface, 3, 4), grown(interface, 1, 6), grown(interface, 5, 6)), (6, 6, 10));
    }
}
