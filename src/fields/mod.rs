//! Field paths and sets, schemas, managed fields and the typed merge of server-side apply.
