package dev.lowrank.app.serve;

/// What answers at one address.
@FunctionalInterface
interface Endpoint {
    /// @param owner whose request it is
    /// @throws ApiException if it is refused
    void handle(Exchange exchange, String owner);
}
