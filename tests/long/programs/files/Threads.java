import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public class Threads {
  static int depth(int level) {
    return depth(level + 1) + 1;
  }

  public static void main(String[] arguments) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Long>> sums = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      final int n = i;
      sums.add(pool.submit(() -> {
        long sum = 0;
        for (int k = 0; k < 200000; k++) sum += k % (n + 1);
        return sum;
      }));
    }
    long total = 0;
    for (Future<Long> sum : sums) total += sum.get();
    System.out.println(total);
    pool.shutdown();
    Process child = new ProcessBuilder("sh", "-c", "echo child; exit 3").inheritIO().start();
    System.out.println(child.waitFor());
    Path file = Files.createTempFile("a", "b");
    Files.writeString(file, "hello");
    System.out.println(Files.readString(file));
    Thread waiter = new Thread(() -> {
      synchronized (Threads.class) {
        try {
          Threads.class.wait();
        } catch (InterruptedException e) {
          System.out.println("interrupted");
        }
      }
    });
    waiter.start();
    waiter.interrupt();
    waiter.join();
    try {
      int[] none = null;
      System.out.println(none.length);
    } catch (NullPointerException e) {
      System.out.println("a fault became an exception");
    }
    try {
      depth(0);
    } catch (StackOverflowError e) {
      System.out.println("the guard page was found");
    }
    System.gc();
    System.out.println(Runtime.getRuntime().availableProcessors());
  }
}
