// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The command line parses, calls and prints: optimising it takes longer than it could ever save.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

// A module imports only what stands above it.
let package = Package(
    name: "almanac",
    products: [
        .executable(name: "almanac", targets: ["almanac"]),
        .library(name: "LinearAlgebra", targets: ["LinearAlgebra"]),
        .library(name: "ModelFiles", targets: ["ModelFiles"]),
        .library(name: "Traces", targets: ["Traces"]),
        .library(name: "Forests", targets: ["Forests"]),
        .library(name: "Forecasting", targets: ["Forecasting"]),
        .library(name: "Workloads", targets: ["Workloads"]),
        .library(name: "Scheduling", targets: ["Scheduling"]),
        .library(name: "Allocation", targets: ["Allocation"]),
        .library(name: "Prediction", targets: ["Prediction"]),
        .library(name: "Tuning", targets: ["Tuning"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS"),
        .systemLibrary(name: "CPrefetch"),
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CZlib"),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"], swiftSettings: settings),
        .target(name: "ModelFiles", swiftSettings: settings),
        .target(name: "Plots", swiftSettings: settings),
        .target(name: "Workloads", swiftSettings: settings),
        .target(
            name: "Traces",
            dependencies: [
                "CSQLite", "CZlib", "LinearAlgebra", "Workloads",
            ],
            swiftSettings: settings),
        .target(name: "Forests", dependencies: ["CPrefetch", "LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(name: "Forecasting", dependencies: ["LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(name: "Scheduling", dependencies: ["Workloads"], swiftSettings: settings),
        .target(name: "Allocation", dependencies: ["Scheduling", "Workloads"], swiftSettings: settings),
        .target(
            name: "JobFiles", dependencies: ["Workloads", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(
            name: "Prediction",
            dependencies: [
                "LinearAlgebra", "ModelFiles", "Workloads", "Traces", "Forests", "Forecasting", "Scheduling",
            ],
            swiftSettings: settings),
        .target(name: "CShepherd"),
        .target(name: "Execution", dependencies: ["CShepherd", "Workloads", "Scheduling"], swiftSettings: settings),
        .target(
            name: "Tuning",
            dependencies: [
                "LinearAlgebra", "ModelFiles", "Plots", "Workloads", "Traces", "Forests", "Forecasting", "Scheduling",
                "Prediction",
            ], swiftSettings: settings),
        .executableTarget(
            name: "almanac",
            dependencies: [
                "LinearAlgebra", "ModelFiles", "Plots", "Workloads", "Traces", "Forests", "Forecasting", "Scheduling",
                "JobFiles", "Prediction", "Execution", "Tuning",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: settings + unoptimized),

        .executableTarget(
            name: "execution-helper", dependencies: ["Execution", "Scheduling", "Workloads"],
            path: "Tests/ExecutionHelper", swiftSettings: settings),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"], swiftSettings: settings),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles"], swiftSettings: settings),
        .testTarget(name: "PlotsTests", dependencies: ["Plots"], exclude: ["golden"], swiftSettings: settings),
        .testTarget(name: "WorkloadsTests", dependencies: ["Workloads"], swiftSettings: settings),
        .testTarget(
            name: "TracesTests", dependencies: ["Traces", "Workloads", "LinearAlgebra", "CZlib"],
            swiftSettings: settings),
        .testTarget(
            name: "ForestsTests", dependencies: ["Forests", "LinearAlgebra", "ModelFiles"], exclude: ["models"],
            swiftSettings: settings),
        .testTarget(
            name: "ForecastingTests", dependencies: ["Forecasting", "LinearAlgebra", "ModelFiles"],
            swiftSettings: settings),
        .testTarget(name: "SchedulingTests", dependencies: ["Scheduling", "Workloads"], swiftSettings: settings),
        .testTarget(
            name: "AllocationTests", dependencies: ["Allocation", "Scheduling", "Workloads"], swiftSettings: settings),
        .testTarget(name: "JobFilesTests", dependencies: ["JobFiles", "Workloads"], swiftSettings: settings),
        .testTarget(
            name: "PredictionTests",
            dependencies: ["Prediction", "Scheduling", "Workloads", "LinearAlgebra", "ModelFiles"],
            swiftSettings: settings),
        .testTarget(
            name: "ExecutionTests", dependencies: ["Execution", "Scheduling", "Workloads", "execution-helper"],
            swiftSettings: settings),
        .testTarget(
            name: "RequestTests",
            dependencies: [
                "Tuning", "Prediction", "Traces", "Workloads", "LinearAlgebra", .product(name: "Yams", package: "Yams"),
            ], swiftSettings: settings),
        .testTarget(
            name: "TuningTests", dependencies: ["Tuning", "Prediction", "LinearAlgebra", "ModelFiles", "Plots"],
            swiftSettings: settings),
        .testTarget(name: "NotebookTests", swiftSettings: settings),
        .testTarget(
            name: "CommandLineTests", dependencies: ["almanac"], exclude: ["golden"], swiftSettings: settings),
    ]
)
