@main enum Swrun { static func main() {} }
