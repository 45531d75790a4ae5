/// A small Jinja for chat templates: the language of published templates over plain values, with limits and
/// without any way to a Java object. Read `Template`, then `Lexer`, `Parser`, `Statement`, `Expression`,
/// `Interpreter`.
@NullMarked
package dev.lowrank.text.jinja;

import org.jspecify.annotations.NullMarked;
