//! Tar archives, as far as SigMF needs them: where each member's bytes stand, and headers to write.
//!
//! Nothing is ever unpacked: members are read in place, so that no path of the archive reaches the disk and links lead
//! nowhere. Reads ustar, pax (`path`, `size`) and GNU long names; writes ustar, with a pax header before a name that
//! does not fit.
//! Reference: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block".

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::Error;

/// Everything in a tar archive comes in blocks of this length.
pub(crate) const BLOCK_BYTES: usize = 512;
/// The members that are looked at.
const MAX_MEMBERS: usize = 10_000;
/// The longest list of pax records, or name, that is read.
const MAX_EXTENSION_BYTES: u64 = 1 << 16;

/// A file inside an archive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// Its path inside.
    pub name: String,
    /// Where its bytes begin.
    pub start: u64,
    /// Their number, as its header states it.
    pub num_bytes: u64,
    /// It is a plain file: no folder, link or device.
    pub is_file: bool,
}

/// The members of the archive, in its order. A last one that the archive is too short for is among them.
pub(crate) fn members(path: &Path, file: &mut File, archive_bytes: u64) -> Result<Vec<Member>, Error> {
    let fail = |cause| Error::io(path, "cannot be read", cause);
    let mut members = Vec::new();
    let (mut long_name, mut long_size) = (None, None);
    let mut position = 0;
    while archive_bytes.saturating_sub(BLOCK_BYTES as u64) >= position && archive_bytes >= BLOCK_BYTES as u64 {
        file.seek(SeekFrom::Start(position)).map_err(fail)?;
        let mut block = [0; BLOCK_BYTES];
        file.read_exact(&mut block).map_err(fail)?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let Some(header) = Header::parse(&block) else {
            return Err(Error::malformed(
                path,
                format!("has no tar header at byte {position}; a .sigmf is a tar archive: make it anew"),
            ));
        };
        let start = position + BLOCK_BYTES as u64;
        match header.kind {
            b'x' | b'L' => {
                if header.num_bytes > MAX_EXTENSION_BYTES || start + header.num_bytes > archive_bytes {
                    return Err(Error::malformed(
                        path,
                        format!(
                            "has {} bytes of names at byte {start}; at most {MAX_EXTENSION_BYTES} are read: make it anew",
                            header.num_bytes
                        ),
                    ));
                }
                let mut bytes = vec![0; header.num_bytes as usize];
                file.read_exact(&mut bytes).map_err(fail)?;
                if header.kind == b'L' {
                    long_name = Some(text(&bytes));
                } else {
                    for (key, value) in pax_records(&bytes) {
                        match key {
                            b"path" => long_name = Some(text(value)),
                            b"size" => long_size = text(value).parse().ok(),
                            _ => {}
                        }
                    }
                }
                position = next(start, header.num_bytes);
            }
            kind => {
                let num_bytes = long_size.take().unwrap_or(header.num_bytes);
                let name = long_name.take().unwrap_or(header.name);
                if !matches!(kind, b'g' | b'K') {
                    members.push(Member { name, start, num_bytes, is_file: matches!(kind, b'0' | b'7' | 0) });
                }
                position = next(start, num_bytes);
            }
        }
        if members.len() > MAX_MEMBERS {
            let problem = format!("holds more than {MAX_MEMBERS} files; take the recording out of it first: tar -xf");
            return Err(Error::malformed(path, problem));
        }
    }
    Ok(members)
}

/// Where the header after a member stands.
fn next(start: u64, num_bytes: u64) -> u64 {
    start.saturating_add(num_bytes.checked_next_multiple_of(BLOCK_BYTES as u64).unwrap_or(u64::MAX))
}

struct Header {
    name: String,
    num_bytes: u64,
    kind: u8,
}

impl Header {
    fn parse(block: &[u8; BLOCK_BYTES]) -> Option<Self> {
        if octal(&block[148..156])? != u64::from(checksum(block)) {
            return None;
        }
        let mut name = text(&block[..100]);
        if &block[257..262] == b"ustar" && block[345] != 0 && block[262] == 0 {
            name = format!("{}/{name}", text(&block[345..500]));
        }
        Some(Self { name, num_bytes: number(&block[124..136])?, kind: block[156] })
    }
}

/// The sum of all bytes of a header, in which those of the sum itself count as blanks.
fn checksum(block: &[u8; BLOCK_BYTES]) -> u32 {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..])
}

/// Octal digits, or (GNU) a set highest bit and a big-endian number.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] != 0x80 {
        return octal(field);
    }
    let (high, low) = field.split_at(field.len() - 8);
    let low: [u8; 8] = low.try_into().ok()?;
    high[1..].iter().all(|byte| *byte == 0).then(|| u64::from_be_bytes(low))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Up to the first zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// `LENGTH KEY=VALUE\n`, over and over.
fn pax_records(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut records = Vec::new();
    while let Some(blank) = bytes.iter().position(|byte| *byte == b' ') {
        let length = std::str::from_utf8(&bytes[..blank]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some(length) = length.filter(|length| (blank + 2..=bytes.len()).contains(length)) else { break };
        let record = &bytes[blank + 1..length - 1];
        if let Some(equals) = record.iter().position(|byte| *byte == b'=') {
            records.push((&record[..equals], &record[equals + 1..]));
        }
        bytes = &bytes[length..];
    }
    records
}

/// The header of a plain file of `num_bytes`, with a pax header before it where its name is too long for one.
/// The last [`BLOCK_BYTES`] are the header itself.
pub(crate) fn header(name: &str, num_bytes: u64, modified_s: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if name.len() > 100 || !name.is_ascii() {
        let body = format!(" path={name}\n");
        // The length counts its own digits.
        let length =
            (1..=6).map(|digits| body.len() + digits).find(|length| body.len() + length.to_string().len() == *length);
        let record = format!("{}{body}", length.unwrap_or(0));
        bytes.extend(block("pax", record.len() as u64, b'x', modified_s));
        bytes.extend(record.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    bytes.extend(block(name, num_bytes, b'0', modified_s));
    bytes
}

fn block(name: &str, num_bytes: u64, kind: u8, modified_s: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    // Eleven octal digits end at 8 GiB.
    if num_bytes < 1 << 33 {
        put(124, format!("{num_bytes:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &num_bytes.to_be_bytes());
    }
    put(136, format!("{modified_s:011o}\0").as_bytes());
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum = format!("{:06o}\0 ", checksum(&block));
    block[148..156].copy_from_slice(sum.as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn listed(bytes: &[u8]) -> Result<Vec<Member>, Error> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        members(Path::new("x.sigmf"), &mut file, bytes.len() as u64)
    }

    #[test]
    fn what_is_written_is_found() {
        let long = format!("{}/ü.sigmf-data", "folder".repeat(40));
        let mut bytes = header("a/a.sigmf-meta", 700, 0);
        bytes.extend([b'x'; 1024]);
        bytes.extend(header(&long, 3, 0));
        bytes.extend([b'y'; 512]);
        bytes.extend(header("huge", 1 << 40, 0));
        let found = listed(&bytes).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].name.as_str(), found[0].start, found[0].num_bytes), ("a/a.sigmf-meta", 512, 700));
        assert_eq!((found[1].name.as_str(), found[1].num_bytes, found[1].is_file), (long.as_str(), 3, true));
        assert_eq!(bytes[found[1].start as usize], b'y');
        assert_eq!(found[2].num_bytes, 1 << 40);
    }

    #[test]
    fn damage_is_told_or_survived() {
        let sound = header("a/a.sigmf-meta", 700, 0);
        for at in 0..BLOCK_BYTES {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x40;
            let said = listed(&bytes).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains("no tar header at byte 0"), "byte {at}: {said}");
        }
        let endless = block("x", u64::MAX, b'0', 0);
        assert_eq!(listed(&endless).unwrap()[0].num_bytes, u64::MAX, "nothing is looked for behind it");
        let mut huge = block("pax", 1 << 35, b'x', 0).to_vec();
        huge.extend([0; 512]);
        assert!(listed(&huge).unwrap_err().to_string().contains("bytes of names"));
    }
}
