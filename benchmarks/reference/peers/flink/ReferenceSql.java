import java.nio.file.Path;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Job R in Flink SQL: an OVER window and MATCH_RECOGNIZE for the alerts, TUMBLE for the aggregates.
 *
 * <p>O1 is quiet for the rest of a calendar day and not for 24 hours: as a pattern, "quiet for 24
 * hours" keeps a partial match for every candidate of the day, and its time grows with the cube of a
 * caller's events. MATCH_RECOGNIZE begins at one hotline event and cannot take the latest that would
 * do, so O2 is partly right. Arguments: DATA OUT PARALLELISM.
 */
public class ReferenceSql {
  static final List<String> CHANNELS = List.of("police", "hotline", "petition", "grid");
  // local time of the city, as the tables have it, to seconds since 1970
  static final String SECONDS = "TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 08:00:00', %s)";

  public static void main(String[] arguments) throws Exception {
    Path data = Path.of(arguments[0]).toAbsolutePath(), out = Path.of(arguments[1]).toAbsolutePath();
    TableEnvironment tables = environment(arguments[2]);
    CHANNELS.forEach(channel -> tables.executeSql(source(channel, data)));
    tables.executeSql(allChannels());
    tables.executeSql(sink("o1", out, "caller STRING, event_id STRING, at BIGINT, events BIGINT, channels INT"));
    tables.executeSql(sink("o2", out, "caller STRING, event_id STRING, at BIGINT, began BIGINT"));
    tables.executeSql(
        sink(
            "o3",
            out,
            "region STRING, channel STRING, category STRING, hr BIGINT, events BIGINT, callers BIGINT, severity INT"));
    tables.executeSql(CANDIDATES);
    StatementSet job = tables.createStatementSet();
    job.addInsertSql(REPEATS);
    job.addInsertSql(ESCALATIONS);
    job.addInsertSql(AGGREGATES);
    job.execute().await();
  }

  static TableEnvironment environment(String parallelism) {
    Configuration settings = new Configuration();
    settings.setString("parallelism.default", parallelism);
    settings.setString("table.local-time-zone", "Asia/Shanghai");
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("restart-strategy.type", "none");
    settings.setString("taskmanager.memory.network.max", "256m");
    return TableEnvironment.create(
        EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
  }

  static String source(String channel, Path data) {
    return """
        CREATE TEMPORARY TABLE %s (
          event_id STRING, channel STRING, occurred_at STRING, region_code STRING, category STRING, caller STRING,
          severity INT, ts AS CAST(REPLACE(SUBSTRING(occurred_at, 1, 19), 'T', ' ') AS TIMESTAMP(3)),
          WATERMARK FOR ts AS ts - INTERVAL '10' MINUTE
        ) WITH ('connector' = 'filesystem', 'path' = 'file://%s/%s.jsonl', 'format' = 'json')"""
        .formatted(channel, data, channel);
  }

  static String allChannels() {
    List<String> selects =
        CHANNELS.stream()
            .map(name -> "SELECT event_id, channel, region_code, category, caller, severity, ts FROM " + name)
            .toList();
    return "CREATE TEMPORARY VIEW event AS " + String.join(" UNION ALL ", selects);
  }

  static String sink(String output, Path out, String columns) {
    return """
        CREATE TEMPORARY TABLE %s (%s)
        WITH ('connector' = 'filesystem', 'path' = 'file://%s/%s', 'format' = 'csv',
              'csv.disable-quote-character' = 'true')"""
        .formatted(output, columns.replace("at BIGINT", "happened BIGINT"), out, output);
  }

  /** The events that would raise an alert were there no quiet time; sums, because a MAX that takes back is slow. */
  static final String CANDIDATES =
      """
      CREATE TEMPORARY VIEW candidate AS SELECT caller, event_id, ts, events,
        SIGN(police) + 2 * SIGN(hotline) + 4 * SIGN(petition) + 8 * SIGN(grid) AS channels
      FROM (
        SELECT caller, event_id, ts, COUNT(*) OVER lastday AS events,
          SUM(CASE channel WHEN 'police' THEN 1 ELSE 0 END) OVER lastday AS police,
          SUM(CASE channel WHEN 'hotline' THEN 1 ELSE 0 END) OVER lastday AS hotline,
          SUM(CASE channel WHEN 'petition' THEN 1 ELSE 0 END) OVER lastday AS petition,
          SUM(CASE channel WHEN 'grid' THEN 1 ELSE 0 END) OVER lastday AS grid
        FROM event
        WINDOW lastday AS (
          PARTITION BY caller ORDER BY ts RANGE BETWEEN INTERVAL '24' HOUR PRECEDING AND CURRENT ROW)
      ) WHERE events >= 3 AND SIGN(police) + SIGN(hotline) + SIGN(petition) + SIGN(grid) >= 2""";

  /** The first of each caller and calendar day. */
  static final String REPEATS =
      """
      INSERT INTO o1 SELECT caller, event_id, %s, events, channels FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, caller ORDER BY ts) AS place
        FROM TABLE(TUMBLE(TABLE candidate, DESCRIPTOR(ts), INTERVAL '1' DAY))
      ) WHERE place = 1"""
          .formatted(SECONDS.formatted("ts"));

  static final String ESCALATIONS =
      """
      INSERT INTO o2 SELECT caller, event_id, %s, %s FROM (SELECT * FROM event WHERE channel <> 'grid')
      MATCH_RECOGNIZE (
        PARTITION BY caller ORDER BY ts
        MEASURES Q.event_id AS event_id, Q.ts AS alerted, H.ts AS began
        ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
        PATTERN (H X*? P Y*? Q) WITHIN INTERVAL '7' DAY
        DEFINE
          H AS H.channel = 'hotline',
          P AS P.channel = 'petition' AND P.severity >= H.severity,
          Q AS Q.channel = 'police' AND Q.severity >= P.severity,
          X AS NOT (X.channel = 'petition' AND X.severity >= H.severity),
          Y AS NOT (Y.channel = 'police' AND Y.severity >= P.severity))"""
          .formatted(SECONDS.formatted("alerted"), SECONDS.formatted("began"));

  static final String AGGREGATES =
      """
      INSERT INTO o3
      SELECT region_code, channel, category, %s / 3600, COUNT(*), COUNT(DISTINCT caller), MAX(severity)
      FROM TABLE(TUMBLE(TABLE event, DESCRIPTOR(ts), INTERVAL '1' HOUR))
      GROUP BY region_code, channel, category, window_start, window_end"""
          .formatted(SECONDS.formatted("window_start"));
}
