package dev.lowrank.model;

import dev.lowrank.checkpoint.Checkpoint;
import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.CheckpointException.Code;
import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.model.DecoderSpec.Purpose;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The tensors of a checkpoint by what they are for. Every tensor is used exactly once: what is missing or
/// unknown is an error that lists it.
public final class ModelWeights {
    private final Checkpoint checkpoint;
    private final DecoderSpec spec;
    private final SiteForms forms;

    private ModelWeights(Checkpoint checkpoint, DecoderSpec spec, SiteForms forms) {
        this.checkpoint = checkpoint;
        this.spec = spec;
        this.forms = forms;
    }

    /// Matches a checkpoint's tensors with a description.
    ///
    /// @throws CheckpointException if tensors are missing, unknown or of the wrong shape
    static ModelWeights match(Checkpoint checkpoint, Architecture architecture, DecoderSpec spec) {
        var weights = new ModelWeights(checkpoint, spec, SiteForms.of(checkpoint.config()));
        weights.check(architecture);
        return weights;
    }

    /// The linear of a site, in the form the checkpoint stores.
    ///
    /// @throws CheckpointException if single entries stand at no places of its matrix
    public Linear linear(LinearSite site) {
        return forms.sparse(site) == 0
                ? base(site)
                : new Linear.SparsePlusLowRank(base(site), sparse(site.name() + ".sparse.", site.in()));
    }

    private SparseRows sparse(String prefix, int in) {
        try {
            return new SparseRows(in, read(prefix + "values"), read(prefix + "columns"), read(prefix + "starts"));
        } catch (IllegalArgumentException damaged) {
            throw new CheckpointException(
                    Code.CFG_TENSOR_MISMATCH,
                    checkpoint.path(),
                    -1,
                    prefix.substring(0, prefix.length() - 1),
                    String.valueOf(damaged.getMessage()),
                    damaged);
        }
    }

    private Linear.Base base(LinearSite site) {
        var name = site.name();
        var bias = forms.hasBias(site) ? read(name + ".bias") : null;
        return switch (forms.form(site)) {
            case "dense" -> new Linear.Dense(denseWeight(site), bias);
            case "factored" ->
                new Linear.Factored(read(forms.owner(site) + ".a.weight"), read(name + ".b.weight"), bias);
            case "pivoted" ->
                new Linear.Pivoted(
                        read(name + ".pivot.weight"), read(name + ".rest.weight"), read(name + ".index"), bias);
            case "tucker" ->
                new Linear.Tucker(
                        read(name + ".a.weight"), read(name + ".core.weight"), read(name + ".b.weight"), bias);
            default -> throw checkpoint.config().unsupported("lowrank.sites.form", forms.form(site), SiteForms.KNOWN);
        };
    }

    /// A norm's scale, `[hidden]`.
    public HostTensor scale(String norm) {
        return read(norm + ".weight");
    }

    /// A layer norm's shift, `[hidden]`; null for RMS norms.
    public @Nullable HostTensor shift(String norm) {
        return spec.norm().kind() == DecoderSpec.Norm.Kind.LAYER ? read(norm + ".bias") : null;
    }

    /// The token embedding, `[vocab, hidden]`.
    public HostTensor embedding() {
        return read(spec.embedding() + ".weight");
    }

    /// The output projection of a decoder, `[vocab, hidden]`; the embedding when tied.
    public HostTensor head() {
        return read(spec.head() + ".weight");
    }

    /// Lets the system take back the memory of a block's mapped weights, once they have been used.
    public void release(DecoderSpec.Block block) {
        block.sites().forEach(site -> tensorNames(site).forEach(checkpoint::release));
    }

    /// Any tensor by its checkpoint name.
    public HostTensor read(String name) {
        return checkpoint.read(name);
    }

    private HostTensor denseWeight(LinearSite site) {
        var stored = read(site.name() + ".weight");
        return forms.rowsAreOutputs(site) ? stored : transpose(stored);
    }

    /// Numbers of the whole model; places in a pivoted index do not count.
    public long parameters() {
        return names().stream()
                .map(checkpoint::info)
                .filter(info -> info.dtype().isFloating())
                .mapToLong(info -> info.shape().elements())
                .sum();
    }

    /// The checkpoint names of a site's tensors; those that it shares are also another site's.
    public List<String> tensorNames(LinearSite site) {
        return forms.tensors(site).toList();
    }

    /// The checkpoint names of embeddings and of what scores tokens.
    public Set<String> tables() {
        var names = new TreeSet<String>();
        names.add(spec.embedding() + ".weight");
        if (spec.positions() instanceof DecoderSpec.Positions.Learned(var table)) {
            names.add(table + ".weight");
        }
        switch (spec.purpose()) {
            case Purpose.Decoder(var _, var head) -> names.add(head + ".weight");
            case Purpose.Encoder(var parts) -> {
                names.add(parts.segments() + ".weight");
                parts.masked().ifPresent(head -> names.add(head.table() + ".weight"));
            }
        }
        return names;
    }

    /// The checkpoint names that the computation reads, sorted.
    public Set<String> names() {
        var names = new TreeSet<>(tables());
        switch (spec.purpose()) {
            case Purpose.Decoder(var finalNorm, var _) -> addNorm(names, finalNorm);
            case Purpose.Encoder(var parts) -> {
                addNorm(names, parts.embeddingNorm());
                parts.masked().ifPresent(head -> addNorm(names, head.norm()));
                names.addAll(headShapes(parts).keySet());
            }
        }
        for (var block : spec.blocks()) {
            addNorm(names, block.attentionNorm());
            addNorm(names, block.mlpNorm());
            for (var site : block.sites()) {
                forms.tensors(site).forEach(names::add);
            }
        }
        return names;
    }

    /// The tensors of an encoder's heads besides tables and norms.
    private Map<String, Shape> headShapes(EncoderParts parts) {
        var shapes = new TreeMap<String, Shape>();
        parts.pooler().ifPresent(name -> addLinear(shapes, name, spec.hiddenSize()));
        parts.classifier()
                .ifPresent(
                        head -> addLinear(shapes, head.linear(), head.labels().size()));
        parts.masked().ifPresent(head -> {
            addLinear(shapes, head.transform(), spec.hiddenSize());
            shapes.put(head.bias(), Shape.of(spec.vocabSize()));
        });
        return shapes;
    }

    private void addLinear(Map<String, Shape> shapes, String name, int out) {
        shapes.put(name + ".weight", Shape.of(out, spec.hiddenSize()));
        shapes.put(name + ".bias", Shape.of(out));
    }

    private void addNorm(Set<String> names, String norm) {
        names.add(norm + ".weight");
        if (spec.norm().kind() == DecoderSpec.Norm.Kind.LAYER) {
            names.add(norm + ".bias");
        }
    }

    private void check(Architecture architecture) {
        var wanted = names();
        var missing = new TreeSet<>(wanted);
        missing.removeAll(checkpoint.names());
        var unknown = new TreeSet<>(checkpoint.names());
        unknown.removeAll(wanted);
        unknown.removeIf(name -> architecture.ignores(name) || (spec.tied() && name.equals("lm_head.weight")));
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw mismatch("The weights do not fit the configuration: missing " + listed(missing) + ", unknown "
                    + listed(unknown) + "; expected every tensor of a " + spec.modelType() + " of "
                    + spec.blocks().size() + " layers and no other");
        }
        require(spec.embedding() + ".weight", spec.vocabSize(), spec.hiddenSize());
        switch (spec.purpose()) {
            case Purpose.Decoder(var _, var head) -> require(head + ".weight", spec.vocabSize(), spec.hiddenSize());
            case Purpose.Encoder(var parts) -> {
                require(parts.segments() + ".weight", parts.segmentCount(), spec.hiddenSize());
                parts.masked()
                        .ifPresent(head -> require(head.table() + ".weight", spec.vocabSize(), spec.hiddenSize()));
                headShapes(parts).forEach((name, shape) -> require(name, shape.toArray()));
            }
        }
        for (var site : new HashSet<>(spec.sites().toList())) {
            forms.shapes(site).forEach((name, shape) -> require(name, shape.toArray()));
        }
    }

    private void require(String name, long... expected) {
        var found = checkpoint.info(name).shape();
        if (!found.equals(Shape.of(expected))) {
            throw mismatch("The configuration gives " + name + " the shape " + Shape.of(expected)
                    + ", the checkpoint has " + found);
        }
    }

    private CheckpointException mismatch(String message) {
        return new CheckpointException(Code.CFG_TENSOR_MISMATCH, checkpoint.path(), message);
    }

    private static List<String> listed(Set<String> names) {
        return names.stream().limit(20).toList();
    }

    /// Copies a matrix of a plain type transposed.
    private static HostTensor transpose(HostTensor matrix) {
        var rows = matrix.shape().size(0);
        var columns = matrix.shape().size(1);
        var size = matrix.dtype().bytes();
        var target = Arena.ofAuto().allocate(matrix.bytes(), 64);
        var source = matrix.data();
        for (var row = 0L; row < rows; row++) {
            for (var column = 0L; column < columns; column++) {
                copyElement(source, (row * columns + column) * size, target, (column * rows + row) * size, size);
            }
        }
        return new HostTensor(matrix.dtype(), Shape.of(columns, rows), target);
    }

    private static void copyElement(MemorySegment source, long from, MemorySegment target, long to, int size) {
        switch (size) {
            case 2 -> target.set(HostTensor.SHORT, to, source.get(HostTensor.SHORT, from));
            case 4 -> target.set(HostTensor.INT, to, source.get(HostTensor.INT, from));
            case 8 -> target.set(HostTensor.LONG, to, source.get(HostTensor.LONG, from));
            default -> target.set(ValueLayout.JAVA_BYTE, to, source.get(ValueLayout.JAVA_BYTE, from));
        }
    }

    /// Element type of the embedding, which stands for the checkpoint's.
    public DType storedType() {
        return checkpoint.info(spec.embedding() + ".weight").dtype();
    }

    /// The configuration these weights were matched with.
    public ModelConfig config() {
        return checkpoint.config();
    }
}
