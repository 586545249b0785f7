internal import CLinux

@main enum SwrunGuest {
  static func main() { cl_exit(1) }
}
