use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::{print_as_is, remark};
use crate::artifact::write_atomic;
use crate::error::{Error, Result};
use crate::text::Shown as _;

/// Print completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hdbench completions bash > ~/.local/share/bash-completion/completions/hdbench
  hdbench completions zsh > \"${fpath[1]}/_hdbench\"
  hdbench completions fish > ~/.config/fish/completions/hdbench.fish")]
pub struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn exec(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "hdbench", &mut script);
        print_as_is(&script)
    }
}

/// Write the manual pages of every verb.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  hdbench man --out ~/.local/share/man/man1 && man hdbench-crossval"
)]
pub struct Man {
    /// Where they go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Man {
    pub fn exec(self) -> Result<()> {
        let mut command = Cli::command();
        // Verbs get what they have from those above them, their full name too.
        command.build();
        let pages = pages(&command, &self.out)?;
        remark(&format!("{}: {pages} pages", self.out.shown()));
        Ok(())
    }
}

fn pages(command: &Command, out: &Path) -> Result<usize> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = clap_mangen::Man::new(command.clone()).title(name);
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|e| Error::Internal(format!("manual page of {name}: {e}")))?;
    write_atomic(&out.join(format!("{name}.1")), &text)?;
    let mut written = 1;
    for verb in command.get_subcommands() {
        if verb.get_name() != "help" && !verb.is_hide_set() {
            written += pages(verb, out)?;
        }
    }
    Ok(written)
}
