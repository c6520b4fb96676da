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
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS"),
        .systemLibrary(name: "CZlib"),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"], swiftSettings: settings),
        .target(name: "ModelFiles", swiftSettings: settings),
        .target(name: "Plots", swiftSettings: settings),
        .target(name: "Workloads", swiftSettings: settings),
        .target(
            name: "Traces",
            dependencies: [
                "CZlib", "Workloads", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings),
        .target(name: "Forests", dependencies: ["LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(name: "Forecasting", dependencies: ["LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(name: "Scheduling", dependencies: ["Workloads"], swiftSettings: settings),
        .target(
            name: "Prediction",
            dependencies: [
                "LinearAlgebra", "ModelFiles", "Workloads", "Traces", "Forests", "Forecasting", "Scheduling",
            ],
            swiftSettings: settings),
        .target(
            name: "Tuning", dependencies: ["LinearAlgebra", "Plots", "Traces", "Prediction"], swiftSettings: settings),
        .executableTarget(
            name: "almanac",
            dependencies: [
                "LinearAlgebra", "Workloads", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: settings),

        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"], swiftSettings: settings),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles"], swiftSettings: settings),
        .testTarget(name: "PlotsTests", dependencies: ["Plots"], exclude: ["golden"], swiftSettings: settings),
        .testTarget(name: "WorkloadsTests", dependencies: ["Workloads"], swiftSettings: settings),
        .testTarget(name: "TracesTests", dependencies: ["Traces", "Workloads", "LinearAlgebra"], swiftSettings: settings),
        .testTarget(
            name: "PredictionTests", dependencies: ["Prediction", "LinearAlgebra", "ModelFiles"],
            swiftSettings: settings),
    ]
)
