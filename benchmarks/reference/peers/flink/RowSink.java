import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.streaming.api.functions.sink.legacy.RichSinkFunction;

/** Writes rows to one file for each parallel part: PATH-0, PATH-1 ... */
public class RowSink extends RichSinkFunction<String> {
  private final String path;
  private transient BufferedWriter file;

  RowSink(String path) {
    this.path = path;
  }

  @Override
  public void open(OpenContext context) throws IOException {
    file = Files.newBufferedWriter(Path.of(path + "-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()));
  }

  @Override
  public void invoke(String row, Context context) throws IOException {
    file.write(row);
    file.newLine();
  }

  @Override
  public void close() throws IOException {
    if (file != null) {
      file.close();
    }
  }
}
