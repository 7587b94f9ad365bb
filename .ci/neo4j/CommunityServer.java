import static org.neo4j.configuration.GraphDatabaseInternalSettings.cypher_size_hint_parameters;
import static org.neo4j.configuration.GraphDatabaseSettings.auth_enabled;
import static org.neo4j.configuration.GraphDatabaseSettings.auth_max_failed_attempts;
import static org.neo4j.configuration.GraphDatabaseSettings.cypher_min_replan_interval;
import static org.neo4j.configuration.GraphDatabaseSettings.pagecache_memory;
import static org.neo4j.configuration.GraphDatabaseSettings.preallocate_logical_logs;
import static org.neo4j.configuration.GraphDatabaseSettings.query_cache_size;
import static org.neo4j.configuration.GraphDatabaseSettings.udc_enabled;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.ByteUnit;

/**
 * Serves Neo4j Community over Bolt, for tests: it takes little memory and reports to nobody.
 *
 * <p>As in the official image, NEO4J_AUTH is "user/password" or "none", and a line on standard
 * output says when clients may come. Unlike there, wrong passwords lock nobody out.
 */
public final class CommunityServer {
    private static final int BOLT_PORT = 7687;

    public static void main(String[] arguments) {
        var auth = System.getenv().getOrDefault("NEO4J_AUTH", "none");
        boolean secured = !auth.equals("none");
        var home = Path.of(arguments[0]);
        boolean first = Files.notExists(home);
        var server = new DatabaseManagementServiceBuilder(home)
            .setConfig(BoltConnector.enabled, true)
            .setConfig(BoltConnector.listen_address, new SocketAddress("0.0.0.0", BOLT_PORT))
            .setConfig(auth_enabled, secured)
            .setConfig(auth_max_failed_attempts, 0)
            .setConfig(pagecache_memory, ByteUnit.mebiBytes(256))
            .setConfig(preallocate_logical_logs, false)
            .setConfig(udc_enabled, false)
            // Each test has another graph of a few nodes: no plan gets better by planning anew.
            .setConfig(cypher_min_replan_interval, Duration.ofDays(1))
            .setConfig(query_cache_size, 10_000)
            // Nor by planning anew for lists of parameters that are longer or shorter: a quarter of the time went to that.
            .setConfig(cypher_size_hint_parameters, false)
            .build();
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        if (secured && first) { // started again, Neo4j refuses to set the password that it has
            var parts = auth.split("/", 2);
            server.database("system").executeTransactionally(
                "ALTER USER $user SET PASSWORD $password CHANGE NOT REQUIRED",
                Map.of("user", parts[0], "password", parts[1]));
        }
        // The words that Testcontainers waits for; Bolt already answers.
        System.out.println("Remote interface available at bolt://localhost:" + BOLT_PORT);
    }
}
