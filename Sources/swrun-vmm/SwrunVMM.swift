internal import CLinux

@main enum SwrunVMM {
  static func main() { cl_exit(1) }
}
