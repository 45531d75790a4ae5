package dev.lowrank.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatOptions;

/// The official OpenAI client, LangChain4j and Spring AI against a started server, as applications use
/// them.
class JavaClientsTest {
    private static final String KEY = "a-key-for-the-clients";
    private static final Path ENCODER = Path.of(System.getProperty("lowrank.root", ".."))
            .resolve("core/src/test/resources/golden/encoders/bert-sentence");

    @TempDir
    static Path folder;

    private static TestServer server;
    private static OpenAIClient openai;

    @BeforeAll
    static void start() throws Exception {
        var setup = new TestServer.Setup();
        setup.keys = List.of(KEY);
        setup.models.put("chat", TestServer.chatModel(folder));
        setup.models.put("encoder", ENCODER);
        server = TestServer.start(setup);
        openai = client(KEY);
    }

    @AfterAll
    static void stop() {
        openai.close();
        server.close();
    }

    private static OpenAIClient client(String key) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(server.url("/v1"))
                .apiKey(key)
                .maxRetries(0)
                .build();
    }

    private static ChatCompletionCreateParams.Builder chat(long most) {
        return ChatCompletionCreateParams.builder()
                .model("chat")
                .addSystemMessage("Write Python.")
                .addUserMessage("read a file")
                .temperature(0)
                .maxCompletionTokens(most);
    }

    private static String text(ChatCompletion completion) {
        return completion.choices().getFirst().message().content().orElseThrow();
    }

    // The official client

    @Test
    void openaiChatsWholeAndAsAStream() {
        var whole = openai.chat()
                .completions()
                .create(chat(12).logprobs(true).topLogprobs(2).build());
        var choice = whole.choices().getFirst();
        assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.LENGTH);
        assertThat(whole.usage().orElseThrow().completionTokens()).isEqualTo(12);
        assertThat(choice.logprobs().orElseThrow().content().orElseThrow()).hasSize(12);
        var text = new StringBuilder();
        var chunks = new ArrayList<ChatCompletionChunk>();
        var options = ChatCompletionStreamOptions.builder().includeUsage(true).build();
        try (var stream = openai.chat()
                .completions()
                .createStreaming(chat(12).streamOptions(options).build())) {
            stream.stream().forEach(chunks::add);
        }
        for (var chunk : chunks) {
            chunk.choices().forEach(part -> part.delta().content().ifPresent(text::append));
        }
        assertThat(text.toString()).isEqualTo(text(whole));
        assertThat(chunks.getLast().usage().orElseThrow().completionTokens()).isEqualTo(12);
    }

    @Test
    void openaiClosesAStreamInTheMiddle() throws Exception {
        try (var stream = openai.chat().completions().createStreaming(chat(800).build())) {
            assertThat(stream.stream().limit(4)).hasSize(4);
        }
        for (var i = 0; i < 100 && running() > 0; i++) {
            Thread.sleep(50);
        }
        assertThat(running()).isZero();
    }

    private static double running() throws Exception {
        return server.get("/metrics", "Authorization", "Bearer " + KEY)
                .body()
                .lines()
                .filter(line -> line.startsWith("lowrank_sequences_running{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    void openaiCompletesTextsAndTokens() {
        var completion = openai.completions()
                .create(CompletionCreateParams.builder()
                        .model("pocket")
                        .prompt("def add(a, b):")
                        .maxTokens(6)
                        .temperature(0)
                        .logprobs(1)
                        .echo(true)
                        .build());
        var choice = completion.choices().getFirst();
        assertThat(choice.text()).startsWith("def add(a, b):");
        var scores = choice.logprobs().orElseThrow();
        assertThat(scores.tokens().orElseThrow())
                .hasSameSizeAs(scores.textOffset().orElseThrow());
    }

    @Test
    void openaiReadsVectorsInItsOwnEncoding() throws Exception {
        var made = openai.embeddings()
                .create(EmbeddingCreateParams.builder()
                        .model("encoder")
                        .inputOfArrayOfStrings(List.of("the dog runs", "a cat sings"))
                        .build());
        assertThat(made.data()).hasSize(2);
        var plain = TestServer.json(server.post(
                "/v1/embeddings",
                "{\"model\": \"encoder\", \"input\": [\"the dog runs\", \"a cat sings\"]}",
                "Authorization",
                "Bearer " + KEY));
        for (var i = 0; i < 2; i++) {
            var vector = made.data().get(i).embedding();
            var expected = plain.path("data").path(i).path("embedding");
            assertThat(vector).hasSize(expected.size());
            for (var k = 0; k < vector.size(); k++) {
                assertThat((double) vector.get(k)).isCloseTo(expected.path(k).asDouble(), within(1e-6));
            }
        }
        assertThat(made.usage().promptTokens()).isPositive();
    }

    @Test
    void openaiUnderstandsOurErrors() {
        assertThatThrownBy(() -> openai.chat().completions().create(chat(5000).build()))
                .isInstanceOfSatisfying(
                        BadRequestException.class,
                        refused -> assertThat(refused.code()).hasValue("context_length_exceeded"));
        assertThatThrownBy(() -> openai.chat()
                        .completions()
                        .create(chat(5).model("other").build()))
                .isInstanceOf(NotFoundException.class);
        var stranger = client("another-key-altogether");
        assertThatThrownBy(() -> stranger.models().list()).isInstanceOf(UnauthorizedException.class);
        stranger.close();
        assertThat(openai.models().list().data()).hasSize(3);
        assertThat(openai.models().retrieve("chat").id()).isEqualTo("chat");
    }

    // LangChain4j, over the JDK's client

    @Test
    void langchain4jChatsWholeAndAsAStream() throws Exception {
        var model = OpenAiChatModel.builder()
                .baseUrl(server.url("/v1"))
                .apiKey(KEY)
                .modelName("chat")
                .temperature(0.0)
                .maxTokens(10)
                .maxRetries(0)
                .build();
        var answer = model.chat(SystemMessage.from("Write Python."), UserMessage.from("read a file"));
        assertThat(answer.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.tokenUsage().outputTokenCount()).isEqualTo(10);
        var pieces = new StringBuilder();
        var done = new CompletableFuture<ChatResponse>();
        OpenAiStreamingChatModel.builder()
                .baseUrl(server.url("/v1"))
                .apiKey(KEY)
                .modelName("chat")
                .temperature(0.0)
                .maxTokens(10)
                .build()
                .chat(
                        List.of(SystemMessage.from("Write Python."), UserMessage.from("read a file")),
                        new StreamingChatResponseHandler() {
                            @Override
                            public void onPartialResponse(String text) {
                                pieces.append(text);
                            }

                            @Override
                            public void onCompleteResponse(ChatResponse response) {
                                done.complete(response);
                            }

                            @Override
                            public void onError(Throwable error) {
                                done.completeExceptionally(error);
                            }
                        });
        var streamed = done.get(60, TimeUnit.SECONDS);
        assertThat(pieces.toString()).isEqualTo(answer.aiMessage().text());
        assertThat(streamed.tokenUsage().outputTokenCount()).isEqualTo(10);
    }

    @Test
    void langchain4jEmbedsAndUnderstandsErrors() {
        var vectors = OpenAiEmbeddingModel.builder()
                .baseUrl(server.url("/v1"))
                .apiKey(KEY)
                .modelName("encoder")
                .build();
        assertThat(vectors.embed("the dog runs").content().vector()).isNotEmpty();
        var stranger = OpenAiChatModel.builder()
                .baseUrl(server.url("/v1"))
                .apiKey("another-key-altogether")
                .modelName("chat")
                .maxRetries(0)
                .build();
        assertThatThrownBy(() -> stranger.chat("a")).isInstanceOf(AuthenticationException.class);
    }

    // Spring AI

    @Test
    void springAiChatsWholeAndAsAStream() {
        var options = OpenAiChatOptions.builder()
                .baseUrl(server.url("/v1"))
                .apiKey(KEY)
                .model("chat")
                .temperature(0.0)
                .maxTokens(10)
                .build();
        var model = org.springframework.ai.openai.OpenAiChatModel.builder()
                .options(options)
                .build();
        var answer = model.call(new Prompt("read a file", options));
        var text = answer.getResult().getOutput().getText();
        assertThat(text).isNotEmpty();
        assertThat(answer.getMetadata().getUsage().getCompletionTokens()).isEqualTo(10);
        var parts =
                model.stream(new Prompt("read a file", options)).collectList().block();
        assertThat(parts).isNotNull();
        var streamed = new StringBuilder();
        for (var part : parts) {
            if (part.getResult() != null && part.getResult().getOutput().getText() != null) {
                streamed.append(part.getResult().getOutput().getText());
            }
        }
        assertThat(streamed.toString()).isEqualTo(text);
    }
}
