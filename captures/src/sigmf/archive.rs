//! A recording inside a tar archive (`.sigmf`), read in place.

use std::path::Path;

use super::{ARCHIVE_ENDING, DATA_ENDING, META_ENDING, Metadata, check_dataset_name, check_metadata_size};
use crate::{
    Error,
    sample_file::{Extent, open_regular},
    tar::{self, Member},
};

/// The one recording of an archive.
pub(super) struct Found {
    pub metadata: Metadata,
    pub data: Extent,
    /// The archive ends before the data do.
    pub is_cut_short: bool,
}

/// Looks for the metadata and the data they belong to.
pub(super) fn find(path: &Path) -> Result<Found, Error> {
    let (mut file, archive_bytes) = open_regular(path, "check the path")?;
    let members = tar::members(path, &mut file, archive_bytes)?;
    let is_metadata = |member: &&Member| member.name.ends_with(&format!(".{META_ENDING}"));
    let mut all = members.iter().filter(is_metadata);
    let (Some(meta), None) = (all.next(), all.next()) else {
        let names: Vec<&str> = members.iter().filter(is_metadata).take(4).map(|member| member.name.as_str()).collect();
        let problem = if names.is_empty() {
            format!("holds no .{META_ENDING}; an archive (.{ARCHIVE_ENDING}) holds one recording")
        } else {
            format!("holds several recordings ({}, …); take the one wanted out: tar -xf", names.join(", "))
        };
        return Err(Error::malformed(path, problem));
    };
    check_member(path, meta)?;
    check_metadata_size(path, meta.num_bytes)?;
    let end = meta.start.saturating_add(meta.num_bytes);
    if end > archive_bytes {
        let problem = format!("ends within its metadata ({}): it was cut short; fetch the whole archive", meta.name);
        return Err(Error::malformed(path, problem));
    }
    let mut extent = Extent { path: path.to_owned(), file, start: meta.start, num_bytes: meta.num_bytes };
    let metadata = Metadata::parse(path, extent.read_all(meta.num_bytes)?)?;
    let stem = meta.name.strip_suffix(META_ENDING).unwrap_or_default();
    let data_name = match &metadata.dataset {
        Some(name) => {
            check_dataset_name(path, name)?;
            match meta.name.rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{name}"),
                None => name.clone(),
            }
        }
        None => format!("{stem}{DATA_ENDING}"),
    };
    let Some(data) = members.iter().find(|member| member.name == data_name) else {
        let problem = format!("holds {}, but no {data_name}; make the archive anew with both", meta.name);
        return Err(Error::malformed(path, problem));
    };
    check_member(path, data)?;
    extent.start = data.start;
    extent.num_bytes = data.num_bytes.min(archive_bytes.saturating_sub(data.start));
    let is_cut_short = extent.num_bytes < data.num_bytes;
    Ok(Found { metadata, data: extent, is_cut_short })
}

/// Refuses what is no file of the archive itself.
fn check_member(path: &Path, member: &Member) -> Result<(), Error> {
    let leads_out = member.name.starts_with('/') || member.name.split('/').any(|part| part == "..");
    if leads_out || !member.is_file {
        let what = if leads_out { "a path that leads out of the archive" } else { "a link or no file" };
        let problem = format!("its {} is {what}; make the archive anew of plain files", member.name);
        return Err(Error::malformed(path, problem));
    }
    Ok(())
}
