#!/usr/bin/env bash
# Flink's job manager takes some 50 ms for each file of a job, however small: one jar of 10 MB is stored 100 times as fast
# as 100 jars of 100 kB.
#
# Versions: Flink 1.19.0 and 2.3.0 (flink-runtime), Java 11 or 17, Linux.
# Behaviour: the job manager passes the files of a job to its own blob server over a socket of the loopback interface, one
# file after the other. Lengths are written byte by byte without a buffer, the socket has no TCP_NODELAY, and each file
# waits for an answer. So small packets wait for acknowledgements that the other side delays (40 ms on Linux). A job server
# of Beam whose class path has 162 jars sends all of them with each job: 16 s, while the job manager is idle.
# Seen: 10 MB in one file 0.04 s, in 100 files 5.5 s, with both versions.
# Needs: a JDK, Maven.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/pom.xml" <<'XML'
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId>
  <artifactId>blobs</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-runtime</artifactId>
      <version>${flink}</version>
    </dependency>
  </dependencies>
</project>
XML
cat >"$folder/Blobs.java" <<'JAVA'
import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.blob.BlobClient;
import org.apache.flink.runtime.blob.BlobServer;
import org.apache.flink.runtime.blob.VoidBlobStore;
import org.apache.flink.util.Reference;

public class Blobs {
  static Path file(File folder, String name, int size) throws Exception {
    File file = new File(folder, name);
    byte[] content = new byte[size];
    new java.util.Random(name.hashCode()).nextBytes(content);
    Files.write(file.toPath(), content);
    return new Path(file.toURI());
  }

  static double seconds(InetSocketAddress address, List<Path> files) throws Exception {
    long began = System.nanoTime();
    BlobClient.uploadFiles(address, new Configuration(), new JobID(), files);
    return (System.nanoTime() - began) / 1e9;
  }

  public static void main(String[] arguments) throws Exception {
    File folder = new File(arguments[0]);
    Configuration settings = new Configuration();
    try (BlobServer server = new BlobServer(settings, Reference.borrowed(new File(folder, "store")), new VoidBlobStore())) {
      server.start();
      InetSocketAddress address = new InetSocketAddress("localhost", server.getPort());
      List<Path> many = new ArrayList<>();
      for (int number = 0; number < 100; number++) many.add(file(folder, "part-" + number, 100_000));
      List<Path> one = List.of(file(folder, "whole", 10_000_000));
      seconds(address, one);
      System.out.printf("%.2f %.2f%n", seconds(address, one), seconds(address, many));
    }
  }
}
JAVA
for version in 1.19.0 2.3.0; do
  mkdir -p "$folder/$version/store"
  mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies "-Dflink=$version" "-DoutputDirectory=$folder/$version/jars"
  read -r one many < <(java -cp "$folder/$version/jars/*" "$folder/Blobs.java" "$folder/$version" 2>"$folder/errors" || cat "$folder/errors" >&2)
  echo "Flink $version: 10 MB in one file ${one} s, in 100 files ${many} s"
  awk -v one="$one" -v many="$many" 'BEGIN { exit !(many > 2 && many > 10 * one) }' || { echo "the behaviour has changed"; exit 1; }
done
