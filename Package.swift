// swift-tools-version: 6.2
// One package, one manifest: the import directions below are the architecture of specs/architecture.md.
import PackageDescription

/// What the C library declares is the same in every C module: CLinux needs the GNU names, and a
/// compiler that sees Glibc's or Foundation's view of a struct beside another one refuses both, also
/// when only two files of one batch import them.
let gnu: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]

/// A section for each function, so that the linker can put those that every run needs side by side, in
/// the order that hack/order finds: what a program maps it maps by 64 KiB. Functions of the same code are not merged: what
/// they then share has no name to be ordered by.
let sections: [SwiftSetting] = [
  .unsafeFlags(
    ["-Xfrontend", "-function-sections", "-Xfrontend", "-disable-llvm-merge-functions-pass"],
    .when(configuration: .release))
]

/// A generic type's metadata is asked for with the metadata of its arguments, not by its mangled name: the runtime
/// would parse that at each start, and look through all conformances for each key of a dictionary.
let unnamed: [SwiftSetting] = [
  .unsafeFlags(
    ["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"],
    .when(configuration: .release))
]

/// Settings of every product target; tests use the subset that lets them import Foundation.
let strict: [SwiftSetting] =
  gnu + sections + unnamed + [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
  ]

/// What Sources/CRuntimeStart replaces of the Swift runtime.
let shortStart: [LinkerSetting] = [
  .unsafeFlags([
    "-Xlinker", "--wrap=swift_copyAuxiliaryExecutablePath", "-Xlinker", "--wrap=fopen",
    "-Xlinker", "--wrap=_swift_stdlib_getScalarName", "-Xlinker",
    "--wrap=_swift_stdlib_getNameAlias",
  ])
]

/// Static, by lld, and without what the program does not use.
let compact: [LinkerSetting] = [
  .unsafeFlags(["-static-executable"]),
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xlinker", "-s", "-Xlinker", "--gc-sections", "-Xlinker", "--icf=safe",
    ], .when(configuration: .release)),
]

/// Released at an address that is another one each time: for what faces a guest. gold refuses it, and
/// glibc refuses a static program with a run path: build with `--disable-local-rpath`, as hack/setup does.
let positionIndependent: [LinkerSetting] = [
  .unsafeFlags(
    ["-Xclang-linker", "-static-pie", "-Xlinker", "--pack-dyn-relocs=relr"],
    .when(configuration: .release))
]

/// What a guest's kernel copies at each start is as small as it can be.
let withoutUnwinding: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-Xlinker", "--no-eh-frame-hdr", "-Xlinker", "-T", "-Xlinker",
      "\(Context.packageDirectory)/Sources/swrun-guest/unwinding.ld",
    ], .when(configuration: .release))
]

/// A name that is not in the program is ignored: an old list costs speed and memory alone, and
/// Tests/Benchmarks/check tells when.
let ordered: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-Xlinker", "--no-warn-symbol-ordering", "-Xlinker",
      "--symbol-ordering-file=\(Context.packageDirectory)/Sources/swrun/hot.order",
    ], .when(configuration: .release))
]

let testing: [SwiftSetting] = gnu + [.swiftLanguageMode(.v6)]

let package = Package(
  name: "swrun",
  products: [
    .executable(name: "swrun", targets: ["swrun"]),
    .executable(name: "swrun-vmm", targets: ["swrun-vmm"]),
    .executable(name: "swrun-guest", targets: ["swrun-guest"]),
  ],
  targets: [
    // C: what Swift cannot import. Thin functions that return -errno.
    .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
    .systemLibrary(
      name: "Clibseccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),

    // The Swift runtime's start, in all three programs.
    .target(name: "CRuntimeStart"),

    // Shared modules.
    .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: strict),
    .target(name: "JSON", swiftSettings: strict),
    .target(name: "OCISpec", dependencies: ["JSON"], swiftSettings: strict),
    .target(
      name: "Isolation", dependencies: ["OCISpec", "JSON", "Linux", "CLinux"],
      swiftSettings: strict),
    .target(
      name: "Cgroups", dependencies: ["Linux", "OCISpec", "JSON", "CLinux"], swiftSettings: strict),
    .target(
      name: "Seccomp", dependencies: ["Linux", "OCISpec", "JSON", "CLinux", "Clibseccomp"],
      swiftSettings: strict),

    // The namespace backend.
    .target(
      name: "Containers",
      dependencies: [
        "Isolation", "Cgroups", "Seccomp", "OCISpec", "JSON", "Linux", "CLinux",
      ],
      swiftSettings: strict),

    // The virtual machine monitor's parts; each can be tested without the others.
    .target(name: "GuestMemory", dependencies: ["Linux", "CLinux"], swiftSettings: strict),
    .target(name: "KVM", dependencies: ["Linux", "CLinux"], swiftSettings: strict),
    .target(name: "Boot", dependencies: ["GuestMemory", "Linux", "CLinux"], swiftSettings: strict),
    .target(
      name: "Virtio", dependencies: ["GuestMemory", "Linux", "CLinux"], swiftSettings: strict),
    .target(
      name: "Platform", dependencies: ["Boot", "Virtio", "Linux", "CLinux"], swiftSettings: strict),
    .target(name: "FileServer", dependencies: ["Linux", "CLinux"], swiftSettings: strict),

    // What swrun, swrun-vmm and swrun-guest tell each other.
    .target(name: "MachinePlan", dependencies: ["JSON"], swiftSettings: strict),
    .target(
      name: "GuestProtocol", dependencies: ["JSON", "Linux", "CLinux"], swiftSettings: strict),
    .target(
      name: "GuestSession", dependencies: ["GuestProtocol", "JSON", "Linux", "CLinux"],
      swiftSettings: strict),

    // The VM backend.
    .target(
      name: "MicroVM",
      dependencies: [
        "MachinePlan", "GuestProtocol", "GuestSession", "Boot", "GuestMemory", "Isolation",
        "Cgroups", "OCISpec", "JSON", "Linux", "CLinux",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "swrun-vmm",
      dependencies: [
        "KVM", "Boot", "Virtio", "Platform", "FileServer", "GuestMemory", "MachinePlan",
        "GuestProtocol", "GuestSession", "Isolation", "OCISpec", "JSON", "Linux", "CLinux",
        "CRuntimeStart",
      ],
      swiftSettings: strict + [.unsafeFlags(["-static-executable"])],
      linkerSettings: compact + ordered + positionIndependent + shortStart),
    // The first process of a guest. Its C part mounts /proc before the Swift runtime looks for it.
    .target(name: "CGuestInit", cSettings: [.define("_GNU_SOURCE")]),
    .target(
      name: "GuestAgent",
      dependencies: [
        "CommandLineInterface", "GuestProtocol", "Containers", "Isolation", "Cgroups", "OCISpec",
        "JSON", "Linux", "CLinux",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "swrun-guest",
      dependencies: ["CGuestInit", "CRuntimeStart", "GuestAgent", "CLinux"],
      exclude: ["unwinding.ld"],
      swiftSettings: strict + [.unsafeFlags(["-static-executable"])],
      linkerSettings: compact + ordered + withoutUnwinding + shortStart),

    // The command: what it parses and prints is a library, so that unit tests can import it.
    .target(
      name: "CommandLineInterface", dependencies: ["OCISpec", "JSON", "Linux", "CLinux"],
      swiftSettings: strict),
    // Where the program begins, before the C library.
    .target(
      name: "CProtectedStart",
      cSettings: [
        .define("_GNU_SOURCE"), .unsafeFlags(["-ffreestanding", "-fno-stack-protector"]),
      ]),
    .executableTarget(
      name: "swrun",
      dependencies: [
        "CProtectedStart", "CRuntimeStart", "CommandLineInterface", "Containers", "MicroVM",
        "Isolation", "Cgroups", "Seccomp",
        "OCISpec", "JSON",
        "Linux",
        "CLinux",
      ],
      exclude: ["hot.order"],
      swiftSettings: strict + [.unsafeFlags(["-static-executable"])],
      linkerSettings: compact + ordered + shortStart + [
        .unsafeFlags(["-Xlinker", "-e", "-Xlinker", "swrun_start"])
      ]),

    // Random numbers of the tests.
    .target(
      name: "SeededRandom", dependencies: ["CLinux"], path: "Tests/SeededRandom",
      swiftSettings: testing),

    // Unit tests mirror the targets.
    .testTarget(name: "LinuxTests", dependencies: ["Linux", "CLinux"], swiftSettings: testing),
    .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: testing),
    .testTarget(
      name: "OCISpecTests", dependencies: ["OCISpec", "JSON", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "IsolationTests",
      dependencies: ["Isolation", "OCISpec", "JSON", "Linux", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "CgroupsTests", dependencies: ["Cgroups", "OCISpec", "JSON", "Linux", "CLinux"],
      swiftSettings: testing),
    .testTarget(
      name: "SeccompTests", dependencies: ["Seccomp", "OCISpec", "JSON", "Linux", "CLinux"],
      swiftSettings: testing),
    .testTarget(
      name: "ContainersTests", dependencies: ["Containers", "OCISpec", "Linux"],
      swiftSettings: testing),
    .testTarget(
      name: "CommandLineInterfaceTests",
      dependencies: ["CommandLineInterface", "OCISpec", "Linux", "CLinux", "Harness"],
      swiftSettings: testing),
    .testTarget(
      name: "GuestMemoryTests", dependencies: ["GuestMemory", "Linux", "CLinux"],
      swiftSettings: testing),
    .testTarget(
      name: "KVMTests", dependencies: ["KVM", "Linux", "CLinux"], swiftSettings: testing),
    .testTarget(
      name: "BootTests", dependencies: ["Boot", "GuestMemory", "Linux", "CLinux", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "VirtioTests",
      dependencies: ["Virtio", "GuestMemory", "Linux", "CLinux", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "FileServerTests", dependencies: ["FileServer", "Linux", "CLinux", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "GuestProtocolTests",
      dependencies: [
        "GuestProtocol", "GuestSession", "MachinePlan", "JSON", "Linux", "CLinux", "SeededRandom",
      ],
      swiftSettings: testing),
    // The agent without a machine: sessions over unix sockets, for its tests.
    .executableTarget(
      name: "GuestAgentRunner", dependencies: ["GuestAgent", "Linux", "CLinux"],
      path: "Tests/GuestAgentRunner", swiftSettings: testing),
    .testTarget(
      name: "GuestAgentTests",
      dependencies: [
        "GuestAgent", "GuestAgentRunner", "GuestProtocol", "GuestSession", "OCISpec", "Linux",
        "CLinux",
      ],
      swiftSettings: testing),
    .testTarget(
      name: "MicroVMTests",
      dependencies: ["MicroVM", "MachinePlan", "Isolation", "OCISpec", "Linux", "CLinux"],
      swiftSettings: testing),
    .testTarget(
      name: "PlatformTests", dependencies: ["Platform", "Boot", "Linux", "CLinux"],
      swiftSettings: testing),
    // Integration tests drive the built program as root; they import nothing of it.
    .target(name: "CHarness", path: "Tests/CHarness", cSettings: [.define("_GNU_SOURCE")]),
    .target(
      name: "Harness", dependencies: ["CHarness"], path: "Tests/Harness", swiftSettings: testing),
    .testTarget(
      name: "Integration", dependencies: ["Harness", "CHarness", "SeededRandom"],
      swiftSettings: testing),
    .testTarget(
      name: "VirtualMachines", dependencies: ["Harness", "CHarness"], exclude: ["FileOperations"],
      swiftSettings: testing),
    .testTarget(name: "Engines", dependencies: ["Harness"], swiftSettings: testing),
    .testTarget(
      name: "Conformance", dependencies: ["Harness", "CHarness"], exclude: ["Probe"],
      swiftSettings: testing),
  ]
)
