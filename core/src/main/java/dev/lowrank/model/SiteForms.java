package dev.lowrank.model;

import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Which site of a checkpoint is stored in which form, as the `lowrank` block of `config.json` says; sites
/// that it does not list are dense.
///
/// ```json
/// "lowrank": {"version": 1, "sites": {"model.layers.0.mlp.up_proj": {"form": "pivoted", "rank": 96, "in": 256,
///             "out": 704, "bias": false}}}
/// ```
///
/// A site with a key `sparse` has that many single entries besides its form. A factored site with a key `a`
/// reads the right factor of the site of that name. A key `types` names the block type of each part that is
/// quantised; a dense site is listed only for blocks or single entries, and its rows are the outputs
/// whatever the layout of its architecture.
public final class SiteForms {
    static final String KNOWN = "dense, factored, pivoted or tucker";
    private static final int VERSION = 1;
    private static final String SPARSE = ".sparse.";

    private final Map<String, Entry> entries;

    private SiteForms(Map<String, Entry> entries) {
        this.entries = entries;
    }

    /// A compressed site.
    ///
    /// @param form storage form
    /// @param rank rank of the represented matrix
    /// @param bias whether a bias is stored
    /// @param a name of the site that stores its right factor; null if it does so itself
    /// @param blocks whether parts are quantised
    /// @param sparse how many single entries stand beside the form
    public record Entry(
            String form, int rank, boolean bias, @Nullable String a, boolean blocks, int sparse) {}

    /// Reads the `lowrank` block of a configuration; without one every site is dense.
    public static SiteForms of(ModelConfig config) {
        var entries = new LinkedHashMap<String, Entry>();
        var block = config.lowrank();
        if (block != null) {
            var version = block.path("version").asInt(-1);
            if (version != VERSION) {
                throw config.unsupported("lowrank.version", String.valueOf(version), String.valueOf(VERSION));
            }
            block.path("sites")
                    .properties()
                    .forEach(site -> entries.put(
                            site.getKey(),
                            new Entry(
                                    site.getValue().path("form").asString(""),
                                    site.getValue().path("rank").asInt(0),
                                    site.getValue().path("bias").asBoolean(false),
                                    site.getValue().has("a")
                                            ? site.getValue().path("a").asString()
                                            : null,
                                    !site.getValue().path("types").isEmpty(),
                                    sparse(config, site.getKey(), site.getValue()))));
            checkOwners(config, entries);
        }
        return new SiteForms(entries);
    }

    private static int sparse(ModelConfig config, String site, JsonNode entry) {
        var count = entry.path("sparse").asInt(entry.has("sparse") ? -1 : 0);
        if (count < 0) {
            throw config.range(
                    "lowrank.sites." + site + ".sparse",
                    String.valueOf(entry.path("sparse")),
                    "how many single entries are stored");
        }
        return count;
    }

    /// A right factor is borrowed from a site that stores one of the same rank.
    private static void checkOwners(ModelConfig config, Map<String, Entry> entries) {
        entries.forEach((site, entry) -> {
            var owner = entry.a() == null ? null : entries.get(entry.a());
            var good = owner != null
                    && owner.a() == null
                    && owner.form().equals("factored")
                    && entry.form().equals("factored")
                    && owner.rank() == entry.rank();
            if (entry.a() != null && !good) {
                throw config.range(
                        "lowrank.sites." + site + ".a",
                        String.valueOf(entry.a()),
                        "a factored site of the same rank that stores its own right factor");
            }
        });
    }

    /// The name of the site whose right factor a factored site reads; its own unless it is shared.
    public String owner(LinearSite site) {
        var entry = entry(site);
        return entry == null || entry.a() == null ? site.name() : entry.a();
    }

    /// The storage form of a site, single entries left out.
    public String form(LinearSite site) {
        var entry = entry(site);
        return entry == null ? "dense" : entry.form();
    }

    /// The whole of what a site stores, as [Linear#form] names it.
    public String name(LinearSite site) {
        return sparse(site) == 0 ? form(site) : form(site) + Linear.SparsePlusLowRank.BESIDE;
    }

    /// How many single entries a site stores beside its form.
    public int sparse(LinearSite site) {
        var entry = entry(site);
        return entry == null ? 0 : entry.sparse();
    }

    /// Whether a dense weight is stored `[out, in]`.
    boolean rowsAreOutputs(LinearSite site) {
        return site.layout() == LinearSite.Layout.OUT_IN || entry(site) != null;
    }

    /// Whether parts of a site are stored in quantised blocks.
    public boolean quantized(LinearSite site) {
        var entry = entry(site);
        return entry != null && entry.blocks();
    }

    /// Whether a site stores a bias.
    public boolean hasBias(LinearSite site) {
        var entry = entry(site);
        return entry == null ? site.bias() : entry.bias();
    }

    /// The rank of a site's matrix.
    public int rank(LinearSite site) {
        var entry = entry(site);
        return entry == null ? Math.min(site.in(), site.out()) : entry.rank();
    }

    private @Nullable Entry entry(LinearSite site) {
        return entries.get(site.name());
    }

    /// The checkpoint names of a site's tensors.
    public Stream<String> tensors(LinearSite site) {
        return shapes(site).keySet().stream();
    }

    /// The checkpoint names and shapes of a site's tensors.
    public Map<String, Shape> shapes(LinearSite site) {
        var name = site.name();
        var r = rank(site);
        var shapes = new LinkedHashMap<String, Shape>();
        switch (form(site)) {
            case "dense" ->
                shapes.put(
                        name + ".weight",
                        rowsAreOutputs(site) ? Shape.of(site.out(), site.in()) : Shape.of(site.in(), site.out()));
            case "factored" -> {
                shapes.put(owner(site) + ".a.weight", Shape.of(r, site.in()));
                shapes.put(name + ".b.weight", Shape.of(site.out(), r));
            }
            case "pivoted" -> {
                shapes.put(name + ".pivot.weight", Shape.of(r, site.in()));
                shapes.put(name + ".rest.weight", Shape.of(site.out() - r, r));
                shapes.put(name + ".index", Shape.of(site.out()));
            }
            case "tucker" -> {
                shapes.put(name + ".a.weight", Shape.of(r, site.in()));
                shapes.put(name + ".core.weight", Shape.of(r, r));
                shapes.put(name + ".b.weight", Shape.of(site.out(), r));
            }
            default -> throw new IllegalStateException("Unknown storage form " + form(site));
        }
        if (sparse(site) > 0) {
            shapes.put(name + SPARSE + "values", Shape.of(sparse(site)));
            shapes.put(name + SPARSE + "columns", Shape.of(sparse(site)));
            shapes.put(name + SPARSE + "starts", Shape.of(site.out() + 1L));
        }
        if (hasBias(site)) {
            shapes.put(name + ".bias", Shape.of(site.out()));
        }
        return shapes;
    }
}
