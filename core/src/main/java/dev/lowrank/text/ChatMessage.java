package dev.lowrank.text;

/// One turn of a conversation.
///
/// @param role who speaks, usually `system`, `user` or `assistant`
/// @param content what is said; special-token strings in it are plain text to [Tokenizer#encodeChat]
public record ChatMessage(String role, String content) {}
