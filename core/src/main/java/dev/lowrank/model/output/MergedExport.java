package dev.lowrank.model.output;

import dev.lowrank.checkpoint.CheckpointException;
import dev.lowrank.checkpoint.ModelConfig;
import dev.lowrank.checkpoint.OutputFolder;
import dev.lowrank.model.Architectures;
import dev.lowrank.model.LanguageModel;
import dev.lowrank.model.Linear;
import dev.lowrank.model.LinearSite;
import dev.lowrank.model.LinearSite.Layout;
import dev.lowrank.model.Progress;
import dev.lowrank.model.SiteForms;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.Shape;
import dev.lowrank.tensor.Tensor;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import tools.jackson.databind.json.JsonMapper;

/// Multiplies the factors of a compressed model back into dense matrices: a plain folder that every tool
/// opens, with the compressed model's quality and the original's size.
///
/// Narrowed blocks become as wide as the original again, with zeros in place of what was cut. A factor that
/// sites share is multiplied into each.
///
/// A site that gained a bias needs a slot for it: Llama has one for all of attention or all of the MLP
/// (`attention_bias`, `mlp_bias`), the others of the group get zeros; Qwen2 has none besides those that
/// query, key and value carry anyway, and is refused; GPT-2 and GPT-BigCode carry one everywhere.
public final class MergedExport {
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private MergedExport() {}

    /// Writes the merged folder.
    ///
    /// @param model a compressed model
    /// @param output the folder to make
    /// @throws CheckpointException if the folder cannot be made, or the architecture has no slot for a
    ///     gained bias
    public static void write(LanguageModel model, Path output, Progress progress) {
        var config = dense(model.checkpoint().config(), model);
        var wide = Architectures.of(config)
                .describe(config, name -> model.checkpoint().names().contains(name));
        var widening = new Widening(model.spec(), wide);
        try (var folder = OutputFolder.begin(output, List.of(model.checkpoint().path()));
                var arena = Arena.ofShared()) {
            folder.clear();
            var tensors = new ArrayList<OutputTensor>();
            var siteTensors = new TreeSet<String>();
            var biased = config.booleanOr("attention_bias", false) || config.booleanOr("mlp_bias", false);
            model.spec().sites().forEach(site -> {
                model.weights().tensorNames(site).forEach(siteTensors::add);
                tensors.addAll(site(model, site, widening, config, biased, arena, progress));
            });
            for (var name : model.checkpoint().names()) {
                if (!siteTensors.contains(name)) {
                    tensors.add(OutputTensor.of(name, model.weights().read(name)));
                }
            }
            Shards.write(folder, tensors, Shards.MOST_BYTES);
            folder.write("config.json", config.toBytes());
            ModelFolder.writeTokenizer(model, folder);
            var run = JSON.createObjectNode().put("export", "merged");
            folder.commit(run);
        }
    }

    private static List<OutputTensor> site(
            LanguageModel model,
            LinearSite site,
            Widening widening,
            ModelConfig config,
            boolean biased,
            Arena arena,
            Progress progress) {
        var linear = model.weights().linear(site);
        var dtype = model.weights().storedType();
        var full = widening.of(site);
        var shape = site.layout() == Layout.OUT_IN ? Shape.of(full.out(), full.in()) : Shape.of(full.in(), full.out());
        var tensors = new ArrayList<OutputTensor>();
        tensors.add(new OutputTensor(site.name() + ".weight", dtype, shape, () -> {
            progress.step("merge", site.layer(), model.spec().blocks().size());
            return TensorScope.tidy(() -> {
                var weight = widening.weight(site, matrix(linear));
                var stored = site.layout() == Layout.OUT_IN ? weight : weight.t();
                return stored.contiguous().to(dtype).toHost(dtype, Arena.ofAuto());
            });
        }));
        var bias = linear.bias();
        if (bias != null) {
            tensors.add(new OutputTensor(
                    site.name() + ".bias",
                    dtype,
                    Shape.of(full.out()),
                    () -> TensorScope.tidy(() -> widening.bias(site, Tensors.from(bias, DType.F64))
                            .to(dtype)
                            .toHost(dtype, Arena.ofAuto()))));
        } else if (biased && wantsBias(site, config)) {
            var zeros = new HostTensor(DType.F32, Shape.of(full.out()), arena.allocate(full.out() * 4L, 64));
            tensors.add(new OutputTensor(site.name() + ".bias", dtype, zeros.shape(), () -> zeros));
        }
        return tensors;
    }

    private static boolean wantsBias(LinearSite site, ModelConfig config) {
        return config.booleanOr(attention(site) ? "attention_bias" : "mlp_bias", false);
    }

    private static boolean attention(LinearSite site) {
        return switch (site.role()) {
            case Q_PROJ, K_PROJ, V_PROJ, QKV_PROJ, O_PROJ -> true;
            case GATE_PROJ, UP_PROJ, DOWN_PROJ -> false;
        };
    }

    /// The matrix a linear represents, F64 `[out, in]`, in the innermost scope.
    public static Tensor matrix(Linear linear) {
        return TensorScope.tidy(() -> switch (linear) {
            case Linear.Dense(var weight, var _) -> exact(weight);
            case Linear.Factored(var a, var b, var _) -> exact(b).matmul(exact(a));
            case Linear.Tucker(var a, var core, var b, var _) ->
                exact(b).matmul(exact(core)).matmul(exact(a));
            case Linear.Pivoted(var pivot, var rest, var index, var _) -> {
                var rows = exact(pivot);
                yield Tensors.cat(List.of(rows, exact(rest).matmul(rows)), 0)
                        .indexSelect(0, Tensors.from(index, DType.I64));
            }
            case Linear.SparsePlusLowRank(var base, var sparse) -> matrix(base).add(sparse.matrix());
        });
    }

    private static Tensor exact(HostTensor tensor) {
        return Tensors.from(tensor, DType.F64);
    }

    private static ModelConfig dense(ModelConfig config, LanguageModel model) {
        if (config.lowrank() == null) {
            throw config.unsupported("lowrank", "nothing", "a model compressed by Lowrank; this one is dense already");
        }
        var forms = SiteForms.of(config);
        var result = config.without("lowrank").without("auto_map").without("architectures");
        for (var site : model.spec().sites().toList()) {
            var slot = attention(site) ? "attention_bias" : "mlp_bias";
            var gained = forms.hasBias(site) && !site.bias();
            if (gained && !config.modelType().equals("llama")) {
                throw config.unsupported(
                        "lowrank",
                        "a bias that " + site.name() + " gained",
                        "a method without output bias (" + config.modelType() + " has no slot for it)");
            }
            if (gained) {
                result = result.with(slot, JSON.getNodeFactory().booleanNode(true));
            }
        }
        return result;
    }
}
