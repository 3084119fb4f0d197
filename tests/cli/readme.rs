//! What the README says of the program is what the program says.

use std::fs;
use std::path::Path;

use crate::program::cellsweep;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README")
}

#[test]
fn the_keys_in_the_readme_are_the_keys() {
    let keys = cellsweep::tui::keys_markdown();
    assert!(readme().contains(&keys), "put this table into README.md:\n{keys}");
}

#[test]
fn the_readme_names_every_command() {
    let output = cellsweep().arg("--help").output().expect("the program runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let commands: Vec<&str> = commands.lines().map_while(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 5, "{help}");
    for command in commands.iter().filter(|command| **command != "help") {
        assert!(readme().contains(&format!("| `cellsweep {command}")), "{command}");
    }
}

#[test]
fn every_file_and_folder_the_readme_links_to_is_there() {
    let readme = readme();
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let is_elsewhere = link.starts_with("http") || link.starts_with('#');
        assert!(is_elsewhere || Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(), "{link}");
    }
}
