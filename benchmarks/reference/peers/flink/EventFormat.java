import java.io.IOException;
import java.io.InputStream;
import java.time.LocalDate;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple7;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.reader.SimpleStreamFormat;
import org.apache.flink.connector.file.src.reader.StreamFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

/** Reads a file of JSON lines: no tree of objects, no copy of a line, only the fields that the job needs. */
class EventFormat extends SimpleStreamFormat<Tuple7<Long, String, Byte, String, Byte, String, String>> {
  static final TypeInformation<Tuple7<Long, String, Byte, String, Byte, String, String>> TYPE =
      new TypeHint<Tuple7<Long, String, Byte, String, Byte, String, String>>() {}.getTypeInfo();
  private final byte channel;

  EventFormat(byte channel) {
    this.channel = channel;
  }

  @Override
  public TypeInformation<Tuple7<Long, String, Byte, String, Byte, String, String>> getProducedType() {
    return TYPE;
  }

  @Override
  public StreamFormat.Reader<Tuple7<Long, String, Byte, String, Byte, String, String>> createReader(
      Configuration settings, FSDataInputStream stream) {
    return new EventReader(channel, stream);
  }

  private static class EventReader
      implements StreamFormat.Reader<Tuple7<Long, String, Byte, String, Byte, String, String>> {
    private final byte channel;
    private final InputStream stream;
    private final JsonFactory json = new JsonFactory();
    private byte[] buffer = new byte[1 << 18];
    private int start = 0; // of the next line in the buffer
    private int filled = 0;
    private String day = "-"; // the last day seen
    private long dayStarts; // seconds since 1970

    EventReader(byte channel, InputStream stream) {
      this.channel = channel;
      this.stream = stream;
    }

    @Override
    public Tuple7<Long, String, Byte, String, Byte, String, String> read() throws IOException {
      int end = endOfLine();
      if (end == start) {
        return null;
      }
      Tuple7<Long, String, Byte, String, Byte, String, String> event = parse(end);
      start = end + 1;
      return event;
    }

    /** Where the next line ends; the buffer is filled as far as that takes. */
    private int endOfLine() throws IOException {
      int at = start;
      while (true) {
        while (at < filled && buffer[at] != '\n') {
          at++;
        }
        if (at < filled) {
          return at;
        }
        if (start > 0) {
          System.arraycopy(buffer, start, buffer, 0, filled - start);
          filled -= start;
          at -= start;
          start = 0;
        }
        if (filled == buffer.length) {
          buffer = Arrays.copyOf(buffer, buffer.length * 2);
        }
        int read = stream.read(buffer, filled, buffer.length - filled);
        if (read < 0) {
          return filled;
        }
        filled += read;
      }
    }

    private Tuple7<Long, String, Byte, String, Byte, String, String> parse(int end) throws IOException {
      Tuple7<Long, String, Byte, String, Byte, String, String> event = new Tuple7<>();
      event.f2 = channel;
      try (JsonParser parser = json.createParser(buffer, start, end - start)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String field = parser.currentName();
          parser.nextToken();
          switch (field) {
            case "event_id" -> event.f1 = parser.getText();
            case "occurred_at" -> event.f0 = milliseconds(parser.getText());
            case "region_code" -> event.f5 = parser.getText();
            case "category" -> event.f6 = parser.getText();
            case "caller" -> event.f3 = parser.getText();
            case "severity" -> event.f4 = (byte) parser.getIntValue();
            default -> parser.skipChildren();
          }
        }
      }
      return event;
    }

    private long milliseconds(String time) {
      if (!time.startsWith(day)) {
        day = time.substring(0, 10);
        dayStarts = LocalDate.parse(day).toEpochDay() * 86_400L;
      }
      long local = dayStarts + number(time, 11) * 3_600 + number(time, 14) * 60 + number(time, 17);
      int offset = number(time, 20) * 3_600 + number(time, 23) * 60;
      return (time.charAt(19) == '-' ? local + offset : local - offset) * 1_000L;
    }

    private static int number(String time, int at) {
      return (time.charAt(at) - '0') * 10 + time.charAt(at + 1) - '0';
    }

    @Override
    public void close() throws IOException {
      stream.close();
    }
  }
}
