//! Command-line arguments.

use std::env;
use std::fmt::Display;
use std::str::FromStr;

use crate::Failure;

/// The arguments that are not taken yet. Take the options first, then the words, then call
/// [`end`](Self::end).
#[derive(Debug)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// Takes the arguments of this process.
    pub(crate) fn of_this_process() -> Self {
        // The error message shows U+FFFD in place of invalid UTF-8.
        Self(env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect())
    }

    /// Takes an option without a value; returns whether it was given.
    pub fn flag(&mut self, name: &str) -> bool {
        let found = self.0.iter().position(|word| word == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes an option with a value.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if the value is missing or cannot be parsed as `T`.
    pub fn option<T>(&mut self, name: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr<Err: Display>,
    {
        let Some([value]) = self.values(name)? else { return Ok(None) };
        parse(name, &value).map(Some)
    }

    /// Takes an option that may be repeated, with all its values.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if a value is missing.
    pub fn options(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        while let Some([value]) = self.values(name)? {
            all.push(value);
        }
        Ok(all)
    }

    /// Takes an option with several values.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if one is missing.
    pub fn values<const N: usize>(&mut self, name: &str) -> Result<Option<[String; N]>, Failure> {
        let Some(at) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        let missing = || match N {
            1 => Failure::Usage(format!("{name} needs a value")),
            _ => Failure::Usage(format!("{name} needs {N} values")),
        };
        if self.0.len() <= at + N {
            return Err(missing());
        }
        let values = self.0.drain(at..=at + N).skip(1).collect::<Vec<_>>();
        values.try_into().map(Some).map_err(|_| missing())
    }

    /// Takes the next word, which is required.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it is missing, is an option, or cannot be parsed as `T`.
    pub fn word<T>(&mut self, name: &str) -> Result<T, Failure>
    where
        T: FromStr<Err: Display>,
    {
        self.word_if_any(name)?.ok_or_else(|| Failure::Usage(format!("{name} is missing")))
    }

    /// Takes the next word, if any.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it is an option or cannot be parsed as `T`.
    pub fn word_if_any<T>(&mut self, name: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr<Err: Display>,
    {
        match self.0.first() {
            None => Ok(None),
            Some(option) if option.starts_with('-') => Err(unexpected(option)),
            Some(_) => parse(name, &self.0.remove(0)).map(Some),
        }
    }

    /// Checks that no argument is left.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if one is left.
    pub fn end(&mut self) -> Result<(), Failure> {
        self.0.first().map_or(Ok(()), |word| Err(unexpected(word)))
    }
}

fn parse<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|error| Failure::Usage(format!("{name} cannot be {value:?}: {error}")))
}

fn unexpected(word: &str) -> Failure {
    Failure::Usage(match word.starts_with('-') {
        true => format!("there is no option {word}"),
        false => format!("unexpected argument {word:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments(line.split_whitespace().map(Into::into).collect())
    }

    fn complaint<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
        match result {
            Err(Failure::Usage(text)) => text,
            other => panic!("not about the usage: {other:?}"),
        }
    }

    #[test]
    fn options_stand_anywhere() {
        let mut line = arguments("--tls a b host:1 --quiet --header x --header y --threads 3 last");
        assert_eq!(line.values("--tls").expect("two"), Some(["a".to_owned(), "b".to_owned()]));
        assert_eq!(line.options("--header").expect("values"), ["x", "y"]);
        assert_eq!(line.option("--threads").expect("a number"), Some(3));
        assert_eq!(line.option::<u8>("--threads").expect("none left"), None);
        assert!(line.flag("--quiet") && !line.flag("--quiet"));
        assert_eq!(line.word::<String>("ADDRESS").expect("a word"), "host:1");
        assert_eq!(complaint(line.end()), "unexpected argument \"last\"");
        assert_eq!(line.word_if_any("ROOM").expect("a word"), Some("last".to_owned()));
        line.end().expect("nothing left");
    }

    #[test]
    fn complaints_name_the_argument() {
        let threads = |line| complaint(arguments(line).option::<u8>("--threads"));
        assert_eq!(threads("--threads"), "--threads needs a value");
        assert_eq!(
            threads("--threads x"),
            "--threads cannot be \"x\": invalid digit found in string"
        );
        assert_eq!(complaint(arguments("--tls a").values::<2>("--tls")), "--tls needs 2 values");
        assert_eq!(complaint(arguments("").word::<String>("ADDRESS")), "ADDRESS is missing");
        assert_eq!(complaint(arguments("-x a").word::<String>("URL")), "there is no option -x");
    }
}
