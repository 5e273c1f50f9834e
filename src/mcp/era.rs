//! What an answer says about the era of a server: with sessions, up to 2025-11-25, or without them (Versioning; Streamable
//! HTTP, Backward Compatibility). Its words do, and the [translator](super::translate) reads them; but whether somebody
//! is let in has nothing to do with an era.

/// Whether an answer with this status is about who asks, and not about what is asked.
pub fn is_about_entry(status: u16) -> bool {
    matches!(status, 401 | 403 | 407 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 60.
    #[test]
    fn refusals_of_entry_tell_nothing() {
        assert!([401, 403, 407, 429].into_iter().all(is_about_entry));
        assert!(![200, 307, 400, 404, 405, 500, 503].into_iter().any(is_about_entry));
    }
}
