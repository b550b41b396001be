// The HTTP client of the JDK. Told where the gateway is and the client's key, and nothing else.

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

public final class Caller {
    private static final String QUESTION =
            "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}";
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "calls" -> calls();
            case "stream" -> stream();
            case "series" -> series();
            case "denied" -> denied();
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void calls() throws Exception {
        show("models", text(CLIENT, request("/models").GET()));
        show("length", text(CLIENT, asking(BodyPublishers.ofString(QUESTION))));
        byte[] bytes = QUESTION.getBytes(StandardCharsets.UTF_8);
        // Of unknown length: sent in chunks.
        show("chunked", text(CLIENT, asking(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes)))));
        show("continue", text(CLIENT, asking(BodyPublishers.ofString(QUESTION)).expectContinue(true)));
        // By default the client offers to go on in HTTP/2, which it must not insist on.
        show("default", text(HttpClient.newHttpClient(), request("/models").GET()));
        List<CompletableFuture<HttpResponse<String>>> many = IntStream.range(0, 20)
                .mapToObj(n -> CLIENT.sendAsync(request("/models").GET().build(), BodyHandlers.ofString()))
                .toList();
        System.out.println("at once " + many.stream().filter(one -> one.join().statusCode() == 200).count());
    }

    private static void stream() throws Exception {
        String question = QUESTION.replace("\"gpt-4o\"", "\"gpt-4o\", \"stream\": true");
        HttpRequest request = asking(BodyPublishers.ofString(question)).build();
        int number = 0;
        try (Stream<String> lines = CLIENT.send(request, BodyHandlers.ofLines()).body()) {
            for (Iterator<String> events = lines.iterator(); events.hasNext();) {
                String line = events.next();
                if (line.startsWith("data: {")) {
                    System.out.println("event " + line.contains("chat.completion.chunk"));
                    signal("/seen/" + number++);
                }
            }
        }
    }

    private static void series() throws Exception {
        int count = 0;
        while (signal("/more").equals("yes")) {
            HttpResponse<String> answer = text(CLIENT, asking(BodyPublishers.ofString(QUESTION)));
            if (answer.statusCode() != 200) {
                throw new IOException(answer.statusCode() + " " + answer.body());
            }
            count++;
        }
        System.out.println("calls " + count);
    }

    private static void denied() throws Exception {
        show("HttpClient", text(CLIENT, request("/models").GET()));
    }

    private static HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(System.getenv("BASE_URL") + path))
                .timeout(Duration.ofSeconds(30))
                .header("Authorization", "Bearer " + System.getenv("API_KEY"));
    }

    private static HttpRequest.Builder asking(HttpRequest.BodyPublisher body) {
        return request("/chat/completions").header("Content-Type", "application/json").POST(body);
    }

    private static HttpResponse<String> text(HttpClient client, HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    /** The first line says all that is decided by; what follows is there to be searched. */
    private static void show(String what, HttpResponse<String> answer) {
        String by = answer.headers().firstValue("proxy-status").orElse("nobody");
        System.out.println(what + " " + answer.statusCode() + " " + by);
        System.out.println("  " + answer.headers().map() + " " + answer.body());
    }

    private static String signal(String path) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("SIGNALS") + path)).build();
        HttpResponse<String> answer = CLIENT.send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(path + ": " + answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }
}
