// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The command line and the pages call and print: optimising them takes longer than it could ever save.
let unoptimized: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

// A module imports only what stands above it.
let package = Package(
    name: "almanac",
    products: [
        .executable(name: "almanac", targets: ["almanac"]),
        .library(name: "LinearAlgebra", targets: ["LinearAlgebra"]),
        .library(name: "ModelFiles", targets: ["ModelFiles"]),
        .library(name: "Markets", targets: ["Markets"]),
        .library(name: "Traces", targets: ["Traces"]),
        .library(name: "Store", targets: ["Store"]),
        .library(name: "Forests", targets: ["Forests"]),
        .library(name: "Forecasting", targets: ["Forecasting"]),
        .library(name: "ReinforcementLearning", targets: ["ReinforcementLearning"]),
        .library(name: "Workloads", targets: ["Workloads"]),
        .library(name: "Scheduling", targets: ["Scheduling"]),
        .library(name: "Allocation", targets: ["Allocation"]),
        .library(name: "Decomposition", targets: ["Decomposition"]),
        .library(name: "Simulation", targets: ["Simulation"]),
        .library(name: "Prediction", targets: ["Prediction"]),
        .library(name: "Sizing", targets: ["Sizing"]),
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
        .target(name: "Basics", swiftSettings: settings),
        .target(name: "LinearAlgebra", dependencies: ["COpenBLAS"], swiftSettings: settings),
        .target(name: "ModelFiles", swiftSettings: settings),
        .target(name: "Plots", dependencies: ["Basics"], swiftSettings: settings),
        .target(name: "Workloads", swiftSettings: settings),
        .target(name: "Reading", dependencies: ["Basics", "CZlib", "Workloads"], swiftSettings: settings),
        .target(
            name: "Markets", dependencies: ["Basics", "LinearAlgebra", "Workloads", "Reading"], swiftSettings: settings),
        .target(name: "Traces", dependencies: ["Workloads", "Reading"], swiftSettings: settings),
        .target(
            name: "Store", dependencies: ["Basics", "CSQLite", "Workloads", "Reading", "Markets", "Traces"],
            swiftSettings: settings),
        .target(
            name: "Forests", dependencies: ["Basics", "CPrefetch", "LinearAlgebra", "ModelFiles"],
            swiftSettings: settings),
        .target(name: "Forecasting", dependencies: ["Basics", "LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(
            name: "ReinforcementLearning", dependencies: ["LinearAlgebra", "ModelFiles"], swiftSettings: settings),
        .target(
            name: "Tables", dependencies: ["LinearAlgebra", "ModelFiles", "Workloads", "Reading", "Forests"],
            swiftSettings: settings),
        .target(name: "Scheduling", dependencies: ["Basics", "LinearAlgebra", "Workloads"], swiftSettings: settings),
        .target(name: "Allocation", dependencies: ["Basics", "Scheduling", "Workloads"], swiftSettings: settings),
        .target(
            name: "Decomposition", dependencies: ["Basics", "LinearAlgebra", "ModelFiles", "Workloads", "Reading"],
            swiftSettings: settings),
        .target(
            name: "JobFiles", dependencies: ["Workloads", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(
            name: "Prediction",
            dependencies: [
                "Basics", "LinearAlgebra", "ModelFiles", "Workloads", "Reading", "Markets", "Traces", "Forests",
                "Forecasting",
                "Tables", "Scheduling",
            ],
            swiftSettings: settings),
        .target(name: "CShepherd"),
        .target(
            name: "Execution", dependencies: ["Basics", "CShepherd", "Workloads", "Scheduling", "Allocation"],
            swiftSettings: settings),
        .target(
            name: "LocalExecution",
            dependencies: ["Basics", "CShepherd", "Workloads", "Scheduling", "Allocation", "Execution"],
            swiftSettings: settings),
        .target(
            name: "SlurmExecution",
            dependencies: ["Workloads", "Allocation", "Execution", "LocalExecution"], swiftSettings: settings),
        .target(
            name: "CloudCapacity", dependencies: ["Basics", "CShepherd", "Workloads", "Reading", "Markets"],
            swiftSettings: settings),
        .target(
            name: "Learning",
            dependencies: ["LinearAlgebra", "ModelFiles", "Workloads", "Markets", "Traces", "Prediction"],
            swiftSettings: settings),
        .target(
            name: "Sizing",
            dependencies: ["Basics", "LinearAlgebra", "Workloads", "Traces", "Store", "Tables", "Prediction"],
            swiftSettings: settings),
        .target(
            name: "Reports",
            dependencies: [
                "Plots", "Workloads", "Markets", "Forecasting", "Tables", "Scheduling", "Allocation", "Simulation",
                "Prediction", "Learning", "Sizing",
            ], swiftSettings: settings + unoptimized),
        .target(
            name: "Simulation",
            dependencies: [
                "Basics", "LinearAlgebra", "ModelFiles", "Workloads", "Markets", "ReinforcementLearning", "Scheduling",
                "Allocation",
            ],
            swiftSettings: settings),
        .target(
            name: "Service",
            dependencies: [
                "LinearAlgebra", "Simulation",
                "Workloads", "Reading", "Markets", "Traces", "Store", "Forecasting", "Scheduling", "Allocation",
                "JobFiles", "Prediction", "Execution", "LocalExecution", "SlurmExecution", "CloudCapacity", "Learning",
                "Sizing", "Decomposition",
            ], swiftSettings: settings + unoptimized),
        .executableTarget(
            name: "almanac",
            dependencies: [
                "LinearAlgebra", "ModelFiles", "Plots", "Workloads", "Reading", "Markets", "Traces", "Store", "Forests",
                "Forecasting", "Tables", "Scheduling", "Allocation", "Prediction",
                "JobFiles", "Execution", "LocalExecution", "SlurmExecution", "CloudCapacity", "Learning", "Simulation",
                "Sizing",
                "Service",
                "Reports", "Decomposition",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: settings + unoptimized),

        .target(
            name: "TestSupport", dependencies: ["CZlib", "LinearAlgebra", "Workloads"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .executableTarget(
            name: "execution-helper",
            dependencies: ["Execution", "LocalExecution", "SlurmExecution", "Allocation", "Workloads"],
            path: "Tests/ExecutionHelper", swiftSettings: settings),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra"], swiftSettings: settings),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles"], swiftSettings: settings),
        .testTarget(
            name: "PlotsTests", dependencies: ["Plots", "TestSupport"], exclude: ["golden"], swiftSettings: settings),
        .testTarget(
            name: "ReinforcementLearningTests",
            dependencies: ["LinearAlgebra", "ModelFiles", "ReinforcementLearning", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "WorkloadsTests", dependencies: ["LinearAlgebra", "Workloads", "TestSupport"], swiftSettings: settings
        ),
        .testTarget(
            name: "ReadingTests", dependencies: ["CZlib", "LinearAlgebra", "Reading", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "MarketsTests",
            dependencies: ["LinearAlgebra", "Markets", "Reading", "TestSupport", "Traces", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "TracesTests",
            dependencies: ["LinearAlgebra", "Markets", "Reading", "TestSupport", "Traces", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "StoreTests",
            dependencies: ["Markets", "Reading", "Store", "TestSupport", "Traces", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "ForestsTests", dependencies: ["Forests", "LinearAlgebra", "ModelFiles"], exclude: ["models"],
            swiftSettings: settings),
        .testTarget(
            name: "ForecastingTests", dependencies: ["Forecasting", "LinearAlgebra", "ModelFiles", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "SchedulingTests", dependencies: ["Scheduling", "TestSupport", "Workloads"], swiftSettings: settings),
        .testTarget(
            name: "AllocationTests", dependencies: ["Allocation", "Scheduling", "TestSupport", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "DecompositionTests",
            dependencies: ["Decomposition", "LinearAlgebra", "ModelFiles", "Reading", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "JobFilesTests", dependencies: ["JobFiles", "LinearAlgebra", "TestSupport", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "PredictionTests",
            dependencies: ["Prediction", "Traces", "Scheduling", "Workloads", "LinearAlgebra", "ModelFiles"],
            swiftSettings: settings),
        .testTarget(
            name: "ExecutionTests",
            dependencies: [
                "Execution", "LocalExecution", "SlurmExecution", "Allocation", "Scheduling", "Simulation",
                "TestSupport",
                "Workloads",
                "execution-helper",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CloudCapacityTests",
            dependencies: ["CloudCapacity", "LinearAlgebra", "Markets", "Reading", "TestSupport", "Workloads"],
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Allocation", "Execution", "LinearAlgebra", "Markets", "ModelFiles", "ReinforcementLearning",
                "Scheduling",
                "Simulation", "TestSupport", "Workloads",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "LearningTests",
            dependencies: ["Learning", "LinearAlgebra", "ModelFiles", "Plots", "Prediction", "Reports"],
            swiftSettings: settings),
        .testTarget(
            name: "SizingTests",
            dependencies: [
                "Learning", "LinearAlgebra", "Plots", "Prediction", "Reports", "Sizing", "Traces", "Workloads",
                .product(name: "Yams", package: "Yams"),
            ], swiftSettings: settings),
        .testTarget(name: "PackageTests", swiftSettings: settings),
        .testTarget(name: "NotebookTests", swiftSettings: settings),
        .testTarget(
            name: "CommandLineTests", dependencies: ["TestSupport", "almanac"], exclude: ["golden"],
            swiftSettings: settings),
    ]
)
