import CommandLineInterface
import Linux
import OCISpec
import Testing

@Suite struct ValueTests {
  @Test func signals() {
    for (text, number) in [
      ("15", 15), ("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("9", 9), ("KILL", 9), ("0", 0),
      ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("64", 64), ("IOT", 6), ("POLL", 29),
      ("WINCH", 28),
    ] as [(String, Int32)] {
      #expect(SignalName.number(text) == number, "\(text)")
    }
    for text in [
      "", "65", "-9", "9x", "SIG", "NOPE", "RTMIN+31", "RTMIN-1", "RTMAX+1", "+9", "RTMIN+",
    ] {
      #expect(SignalName.number(text) == nil, "\(text)")
    }
  }

  @Test func sizes() {
    for (text, bytes) in [
      ("0", 0), ("1048576", 1 << 20), ("256m", 256 << 20), ("256M", 256 << 20), ("1g", 1 << 30),
      ("1.5GiB", 3 << 29), ("10kb", 10240), ("-1", -1), ("0.5k", 512), ("7b", 7),
    ] as [(String, Int64)] {
      #expect(Quantity.bytes(text) == bytes, "\(text)")
    }
    for text in [
      "", "m", "1x", "-2", "1.m", ".5m", "1 m", "99999999999999999999", "9999999p", "1.5.5m", "٣m",
    ] {
      #expect(Quantity.bytes(text) == nil, "\(text)")
    }
  }

  @Test func processors() {
    #expect(Quantity.cpuQuota("1.5") == 150_000)
    #expect(Quantity.cpuQuota("0.01") == 1000)
    #expect(Quantity.cpuQuota("2") == 200_000)
    for text in ["0", "0.001", "", "x", "-1", "1e3"] { #expect(Quantity.cpuQuota(text) == nil) }
  }

  @Test func durations() {
    for (text, expected) in [
      ("5s", 5_000_000_000), ("500ms", 500_000_000), ("1m30s", 90_000_000_000), ("0", 0),
      ("1.5h", 5_400_000_000_000), ("10us", 10000),
    ] as [(String, Int64)] {
      #expect(Quantity.nanoseconds(text) == expected, "\(text)")
    }
    for text in ["", "5", "s", "5x", "-5s", "5s5", "9999999999h"] {
      #expect(Quantity.nanoseconds(text) == nil, "\(text)")
    }
  }

  /// CVE-2026-30892: what is understood by half may end as 0:0.
  @Test func users() {
    #expect(UserSpecification("1")?.uid == 1)
    #expect(UserSpecification("1")?.gid == nil)
    #expect(UserSpecification("1000:50") == UserSpecification("1000:50"))
    #expect(UserSpecification("1000:50")?.gid == 50)
    for text in [
      "", ":", "1:", ":1", "1:2:3", "root", "1x", "1 ", " 1", "+1", "-1", "0x1", "1.0",
      "4294967295",
      "4294967296", "1:x", "1,2", "1\n",
    ] {
      #expect(UserSpecification(text) == nil, "\(text)")
    }
  }

  @Test func volumes() {
    #expect(
      VolumeSpecification("/a:/b")?.mount
        == Spec.Mount(
          destination: "/b", type: "bind", source: "/a", options: ["rbind", "rprivate"]))
    #expect(VolumeSpecification("/a:/b:ro")?.mount.options.contains("rro") == true)
    #expect(VolumeSpecification("/a:/b:rw")?.isReadOnly == false)
    for text in ["", "/a", "a:/b", "/a:b", "/a:/b:x", "/a:/b:ro:x", ":/b"] {
      #expect(VolumeSpecification(text) == nil, "\(text)")
    }
  }
}
