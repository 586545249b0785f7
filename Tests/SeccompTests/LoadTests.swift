import CLinux
import Foundation
import Linux
import OCISpec
import Testing

@testable import Seccomp

/// Filters in the kernel; each binds one thread, which ends with the test.
@Suite struct LoadTests {
  /// What the kernel said to the thread after the filter was loaded.
  final class Outcome: @unchecked Sendable {
    var failure: SystemError?
    var mkdirErrno: CInt = 0
    var descriptorFlags: CInt = -2
  }

  func load(_ filter: Filter) -> Outcome {
    let outcome = Outcome()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      defer { done.signal() }
      do {
        let compiled = try CompiledFilter.prepare(filter, cacheDirectory: nil) { _ in }
        try system("prctl") { cl_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
        if let listener = try compiled.load() {
          outcome.descriptorFlags = fcntl(listener.rawValue, F_GETFD)
          return
        }
        outcome.mkdirErrno = cl_mkdirat(AT_FDCWD, "/proc/none/none", 0o700)
      } catch {
        outcome.failure = error as? SystemError ?? SystemError(0, "prepare", "\(error)")
      }
    }
    thread.start()
    done.wait()
    return outcome
  }

  @Test(arguments: [nil, [], [.log], [.specAllow]] as [[Filter.Flag]?])
  func theKernelAnswersAsTheFilterSays(_ flags: [Filter.Flag]?) {
    let outcome = load(
      Filter(
        defaultAction: .allow, flags: flags,
        syscalls: [Filter.rule("mkdir", "mkdirat", action: .errno, errno: 93)]))
    #expect(outcome.failure == nil)
    #expect(outcome.mkdirErrno == -93)
    // The filter was the other thread's alone.
    #expect(cl_mkdirat(AT_FDCWD, "/proc/none/none", 0o700) == -ENOENT)
  }

  @Test(arguments: [[], [.waitKillableRecv]] as [[Filter.Flag]])
  func aListenerIsCloseOnExec(_ flags: [Filter.Flag]) {
    let outcome = load(
      Filter(
        defaultAction: .allow, flags: flags, listenerPath: "/run/agent",
        syscalls: [Filter.rule("personality", action: .notify)]))
    #expect(outcome.failure == nil)
    #expect(outcome.descriptorFlags == FD_CLOEXEC)
  }
}
