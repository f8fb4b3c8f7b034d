//! What functions do with the containers that they are given: what a traced run counts as read, and what the analysis of texts
//! follows.

/// What a function does with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Reads all of them; gives something of its own.
    Whole,
    /// Reads all of them; gives data that was in a text (`fromYaml`).
    Parse,
    /// Reads all of them; gives elements of them, or a list of elements (`first`, `concat`).
    Elements,
    /// Asks for their kinds at most (`kindOf`).
    Nothing,
    /// Asks whether they are empty; gives one of them (`default`).
    Choose,
    /// Makes a map of keys and values (`dict`).
    Dict,
    /// Makes a list of them (`list`).
    List,
    /// Executes the template of the first with the second (`include`).
    Include,
    /// Executes the text of the first with the second (`tpl`).
    Text,
    /// Follows the keys of the others into the first (`get`, `index`).
    Get,
    /// Follows all but the last two into the last; gives the one before it where nothing is found (`dig`).
    Dig,
    /// Takes the key of the first out of the others (`pluck`).
    Pluck,
    /// Takes the keys of the others out of the first (`pick`).
    Pick,
    /// Asks for the keys (`keys`).
    Keys,
    /// Changes the first, a map: key and value follow (`set`, `unset`).
    Set,
    /// Copies all others into the first (`merge`).
    Merge,
    /// Copies the only one (`deepCopy`).
    Copy,
    /// Asks the world: the time, randomness, a cluster.
    World,
}
