import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple7;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Job R on Flink's DataStream API, as somebody who knows it well writes it: a parser that reads the
 * needed fields only, tuples between operators, objects used again, state on the heap.
 *
 * <p>Arguments: DATA OUT PARALLELISM. An event is a tuple of time (ms), event id, channel, caller,
 * severity, region and category.
 */
public class ReferenceJob {
  static final String[] CHANNELS = {"police", "hotline", "petition", "grid"};
  static final int POLICE = 0, HOTLINE = 1, PETITION = 2;
  static final long HOUR = 3_600_000L, DAY = 24 * HOUR, WEEK = 7 * DAY, NEVER = Long.MIN_VALUE / 2;
  static final OutputTag<String> ESCALATIONS = new OutputTag<>("escalations", Types.STRING);

  public static void main(String[] arguments) throws Exception {
    String data = arguments[0], out = arguments[1];
    int parallelism = Integer.parseInt(arguments[2]);
    StreamExecutionEnvironment environment = environment(parallelism);
    DataStream<Tuple7<Long, String, Byte, String, Byte, String, String>> events = events(environment, data);

    SingleOutputStreamOperator<String> repeats =
        events.keyBy(event -> event.f3).process(new Alerts()).returns(Types.STRING);
    repeats.addSink(new RowSink(out + "/o1"));
    repeats.getSideOutput(ESCALATIONS).addSink(new RowSink(out + "/o2"));

    events
        .keyBy(event -> Tuple3.of(event.f5, event.f2, event.f6), Types.TUPLE(Types.STRING, Types.BYTE, Types.STRING))
        .window(TumblingEventTimeWindows.of(Duration.ofHours(1)))
        .aggregate(
            new Count(), new CellRow(), TypeInformation.of(Cell.class), TypeInformation.of(Cell.class), Types.STRING)
        .addSink(new RowSink(out + "/o3"));
    environment.execute("R");
  }

  static StreamExecutionEnvironment environment(int parallelism) {
    Configuration settings = new Configuration();
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("restart-strategy.type", "none");
    settings.setString("taskmanager.memory.network.max", "256m");
    settings.setString("taskmanager.numberOfTaskSlots", String.valueOf(parallelism));
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(settings);
    environment.setParallelism(parallelism);
    return environment;
  }

  /** The four files, each with its own watermark; one reader a file, because it is in the order of arrival. */
  static DataStream<Tuple7<Long, String, Byte, String, Byte, String, String>> events(
      StreamExecutionEnvironment environment, String data) {
    DataStream<Tuple7<Long, String, Byte, String, Byte, String, String>> all = null;
    for (byte channel = 0; channel < CHANNELS.length; channel++) {
      String name = CHANNELS[channel];
      DataStream<Tuple7<Long, String, Byte, String, Byte, String, String>> one =
          environment
              .fromSource(
                  FileSource.forRecordStreamFormat(new EventFormat(channel), new Path(data + "/" + name + ".jsonl"))
                      .build(),
                  WatermarkStrategy
                      .<Tuple7<Long, String, Byte, String, Byte, String, String>>forBoundedOutOfOrderness(
                          Duration.ofSeconds(600))
                      .withTimestampAssigner((event, unused) -> event.f0),
                  name,
                  EventFormat.TYPE)
              .setParallelism(1);
      all = all == null ? one : all.union(one);
    }
    return all;
  }

  /** What is kept for one caller. */
  public static class Caller {
    public List<long[]> waiting = new ArrayList<>(); // time, place in eventIds, channel, severity
    public List<String> eventIds = new ArrayList<>();
    public long[] recent = new long[4]; // time << 2 | channel, from oldest to next
    public int oldest = 0;
    public int next = 0;
    public long alertedAt = NEVER;
    public long[] hotlines; // by severity: the latest
    public long[] starts; // by severity: the latest hotline event that a petition has followed
  }

  /** O1, and O2 beside it: events wait until the watermark has passed them and are taken in order. */
  public static class Alerts
      extends KeyedProcessFunction<String, Tuple7<Long, String, Byte, String, Byte, String, String>, String> {
    private transient ValueState<Caller> callers;

    @Override
    public void open(OpenContext context) {
      callers = getRuntimeContext().getState(new ValueStateDescriptor<>("caller", TypeInformation.of(Caller.class)));
    }

    @Override
    public void processElement(
        Tuple7<Long, String, Byte, String, Byte, String, String> event, Context context, Collector<String> repeats)
        throws Exception {
      Caller caller = callers.value();
      if (caller == null) {
        caller = new Caller();
        callers.update(caller);
      }
      caller.waiting.add(new long[] {event.f0, caller.eventIds.size(), event.f2, event.f4});
      caller.eventIds.add(event.f1);
      context.timerService().registerEventTimeTimer(event.f0);
    }

    @Override
    public void onTimer(long until, OnTimerContext context, Collector<String> repeats) throws Exception {
      Caller caller = callers.value();
      if (caller.waiting.isEmpty()) {
        return;
      }
      if (caller.waiting.size() > 1) {
        caller.waiting.sort(Comparator.comparingLong(event -> event[0]));
      }
      int taken = 0;
      for (; taken < caller.waiting.size() && caller.waiting.get(taken)[0] <= until; taken++) {
        judge(caller, caller.waiting.get(taken), context, repeats);
      }
      if (taken == caller.waiting.size()) {
        caller.waiting.clear();
        caller.eventIds.clear();
      } else {
        caller.waiting.subList(0, taken).clear();
      }
      callers.update(caller);
    }

    private void judge(Caller caller, long[] event, OnTimerContext context, Collector<String> repeats) {
      long at = event[0];
      int channel = (int) event[2], severity = (int) event[3];
      String repeat = repeat(caller, at, channel);
      if (repeat != null) {
        repeats.collect(row(context, caller, event) + repeat);
      }
      String start = escalation(caller, at, channel, severity);
      if (start != null) {
        context.output(ESCALATIONS, row(context, caller, event) + start);
      }
    }

    private String row(OnTimerContext context, Caller caller, long[] event) {
      return context.getCurrentKey() + "," + caller.eventIds.get((int) event[1]) + "," + event[0] / 1000 + ",";
    }

    /** The events and the channels, or null. */
    private static String repeat(Caller caller, long at, int channel) {
      while (caller.oldest < caller.next && (caller.recent[caller.oldest] >> 2) < at - DAY) {
        caller.oldest++;
      }
      if (caller.next == caller.recent.length) {
        makeRoom(caller);
      }
      caller.recent[caller.next++] = at << 2 | channel;
      int events = caller.next - caller.oldest;
      if (events < 3 || at - caller.alertedAt < DAY) {
        return null;
      }
      int channels = 0;
      for (int each = caller.oldest; each < caller.next; each++) {
        channels |= 1 << (int) (caller.recent[each] & 3);
      }
      if ((channels & (channels - 1)) == 0) {
        return null;
      }
      caller.alertedAt = at;
      return events + "," + channels;
    }

    private static void makeRoom(Caller caller) {
      if (caller.oldest > caller.next / 2) {
        System.arraycopy(caller.recent, caller.oldest, caller.recent, 0, caller.next - caller.oldest);
        caller.next -= caller.oldest;
        caller.oldest = 0;
      } else {
        caller.recent = Arrays.copyOf(caller.recent, caller.next * 2);
      }
    }

    /** The latest start, or null. */
    private static String escalation(Caller caller, long at, int channel, int severity) {
      if (channel == HOTLINE) {
        if (caller.hotlines == null) {
          caller.hotlines = new long[6];
        }
        caller.hotlines[severity] = at;
      } else if (channel == PETITION && caller.hotlines != null) {
        long start = latest(caller.hotlines, severity);
        if (start >= at - WEEK) {
          if (caller.starts == null) {
            caller.starts = new long[6];
          }
          caller.starts[severity] = Math.max(caller.starts[severity], start);
        }
      } else if (channel == POLICE && caller.starts != null) {
        long start = latest(caller.starts, severity);
        if (start >= at - WEEK) {
          caller.hotlines = caller.starts = null;
          return String.valueOf(start / 1000);
        }
      }
      return null;
    }

    private static long latest(long[] bySeverity, int severity) {
      long found = 0;
      for (int each = 1; each <= severity; each++) {
        found = Math.max(found, bySeverity[each]);
      }
      return found;
    }
  }

  /** What is kept for one cell of O3. */
  public static class Cell {
    public long events;
    public Set<String> callers = new HashSet<>();
    public int severity;
  }

  public static class Count
      implements AggregateFunction<Tuple7<Long, String, Byte, String, Byte, String, String>, Cell, Cell> {
    @Override
    public Cell createAccumulator() {
      return new Cell();
    }

    @Override
    public Cell add(Tuple7<Long, String, Byte, String, Byte, String, String> event, Cell cell) {
      cell.events++;
      cell.callers.add(event.f3);
      cell.severity = Math.max(cell.severity, event.f4);
      return cell;
    }

    @Override
    public Cell getResult(Cell cell) {
      return cell;
    }

    @Override
    public Cell merge(Cell one, Cell other) {
      one.events += other.events;
      one.callers.addAll(other.callers);
      one.severity = Math.max(one.severity, other.severity);
      return one;
    }
  }

  public static class CellRow
      extends ProcessWindowFunction<Cell, String, Tuple3<String, Byte, String>, TimeWindow> {
    @Override
    public void process(
        Tuple3<String, Byte, String> key, Context context, Iterable<Cell> cells, Collector<String> rows) {
      Cell cell = cells.iterator().next();
      long hour = context.window().getStart() / HOUR;
      rows.collect(
          key.f0 + "," + CHANNELS[key.f1] + "," + key.f2 + "," + hour + "," + cell.events + "," + cell.callers.size()
              + "," + cell.severity);
    }
  }
}
