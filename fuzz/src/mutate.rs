//! Small damage to texts and bytes, as it comes from editors, disks and killed writers.

use crate::bytes::Bytes;

/// Bytes that mean something to some reader.
const TELLING: &[u8] = b"{}[](),:\"'\\ \n\r\t0129.-+eEtfnux#&*|>%!\x00\x1b\x7f\x80\xc3\xef\xff";

/// One to four changes between characters: a token put in or in place of a piece, a piece taken
/// out, doubled or moved.
pub fn text(bytes: &mut Bytes<'_>, text: &str, tokens: &[&str]) -> String {
    let mut out = text.to_owned();
    for _ in 0..1 + bytes.below(4) {
        let (one, other) = (boundary(bytes, &out), boundary(bytes, &out));
        let near = floor(&out, (one + bytes.below(12)).min(out.len()));
        let (from, to) =
            if bytes.chance(70) { (one, near) } else { (one.min(other), one.max(other)) };
        match bytes.below(5) {
            0 => out.insert_str(from, bytes.pick::<&str>(tokens)),
            1 => out.replace_range(from..to, bytes.pick::<&str>(tokens)),
            2 => out.replace_range(from..to, ""),
            3 => {
                let piece = out[from..to].to_owned();
                out.insert_str(from, &piece);
            }
            _ => {
                let piece: String = out.drain(from..to).collect();
                let at = boundary(bytes, &out);
                out.insert_str(at, &piece);
            }
        }
    }
    out
}

/// One to four changes of bytes: a bit flipped, a byte set, put in or taken out, a piece cut out,
/// the end cut off.
pub fn bytes(bytes: &mut Bytes<'_>, original: &[u8]) -> Vec<u8> {
    let mut out = original.to_vec();
    for _ in 0..1 + bytes.below(4) {
        let at = bytes.below(out.len() + 1);
        let telling = *bytes.pick(TELLING);
        match bytes.below(8) {
            0 => out.truncate(at),
            1 => out.insert(at, telling),
            2 => drop(out.drain(at..(at + bytes.below(40)).min(out.len()))),
            _ if at == out.len() => out.push(telling),
            3 | 4 => out[at] = telling,
            5 => drop(out.remove(at)),
            _ => out[at] ^= 1 << bytes.below(8),
        }
    }
    out
}

/// Bytes without any plan.
pub fn noise(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let telling = bytes.chance(50);
    let byte = |bytes: &mut Bytes<'_>| {
        if telling { *bytes.pick(TELLING) } else { bytes.below(256) as u8 }
    };
    (0..bytes.below(200)).map(|_| byte(bytes)).collect()
}

fn boundary(bytes: &mut Bytes<'_>, text: &str) -> usize {
    let at = bytes.below(text.len() + 1);
    floor(text, at)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
