// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// A module imports only what stands above it.
let package = Package(
    name: "almanac",
    products: [.executable(name: "almanac", targets: ["almanac"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS"),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"], swiftSettings: settings),
        .target(name: "ModelFiles", swiftSettings: settings),
        .target(name: "Workloads", swiftSettings: settings),
        .executableTarget(
            name: "almanac",
            dependencies: [
                "LinearAlgebra", "Workloads", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),

        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"], swiftSettings: settings),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles"], swiftSettings: settings),
    ]
)
