internal import GuestAgent

/// The program that a guest's kernel starts first.
@main enum SwrunGuest {
  static func main() { Agent.run() }
}
