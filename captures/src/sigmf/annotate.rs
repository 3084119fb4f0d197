//! Writes annotations into a recording that is there.

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};

use super::{Annotation, META_ENDING, read_metadata};
use crate::{Error, sigmf_writer};

/// Who made an annotation.
const GENERATOR: &str = "core:generator";

/// Puts `annotations` into the metadata at `meta_path`, in place of those of `generator` that are there; everything
/// else stays as it is. Their starts count from the first sample in the data. The file is replaced as a whole or not
/// at all.
///
/// # Errors
///
/// If the file is no metadata of a SigMF recording, or cannot be read or replaced.
pub fn annotate(meta_path: &Path, generator: &str, annotations: &[Annotation]) -> Result<(), Error> {
    if meta_path.extension().is_none_or(|ending| ending != META_ENDING) {
        return Err(Error::unsupported(
            meta_path,
            "only a SigMF pair takes annotations; make one of it with cellsweep convert first",
        ));
    }
    let wrong = |problem: String| Error::malformed(meta_path, format!("{problem}; correct or replace it"));
    let bytes = read_metadata(meta_path, meta_path)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let mut root: Value = serde_json::from_slice(bytes).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    let offset = root.pointer("/global/core:offset").and_then(Value::as_u64).unwrap_or(0);
    let object = root.as_object_mut().ok_or_else(|| wrong("holds no object".to_owned()))?;
    let kept = match object.remove("annotations") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(kept)) => kept,
        Some(_) => return Err(wrong("its annotations are no list".to_owned())),
    };
    let mut all: Vec<Value> = kept.into_iter().filter(|annotation| annotation[GENERATOR] != generator).collect();
    all.extend(annotations.iter().map(|annotation| {
        let sample_start = annotation.sample_start.saturating_add(offset);
        let mut object = sigmf_writer::annotation_object(&Annotation { sample_start, ..annotation.clone() });
        object[GENERATOR] = json!(generator);
        object
    }));
    all.sort_by_key(|annotation| annotation["core:sample_start"].as_f64().unwrap_or(0.0) as u64);
    object.insert("annotations".to_owned(), Value::Array(all));

    let part_path = sigmf_writer::part_of(meta_path);
    let text = serde_json::to_vec_pretty(&root).map_err(|error| wrong(error.to_string()))?;
    fs::File::create(&part_path)
        .and_then(|mut part| part.write_all(&text).and_then(|()| part.sync_all()))
        .map_err(|cause| Error::io(&part_path, "cannot be written", cause))?;
    fs::rename(&part_path, meta_path).map_err(|cause| Error::io(meta_path, "cannot be put in place", cause))
}
