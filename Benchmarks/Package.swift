// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library builds it; one for all areas, so that the library is built once
// for them.
/// The program of an area, and the modules that it measures.
func bench(_ area: String, _ modules: String...) -> Target {
    .executableTarget(
        name: "\(area)-bench", dependencies: modules.map { .product(name: $0, package: "almanac") },
        path: "\(area)/Sources/\(area)-bench", swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "almanac", path: "..")],
    targets: [
        bench("allocation", "Allocation", "LinearAlgebra", "Prediction", "Scheduling", "Workloads"),
        bench("decomposition", "Decomposition"),
        bench("forecasting", "Forecasting", "LinearAlgebra"),
        bench("forests", "Forests", "LinearAlgebra"),
        bench("ingest", "Store", "Traces"),
        bench("policy", "LinearAlgebra", "ModelFiles", "ReinforcementLearning", "Simulation"),
        bench("prediction", "Prediction", "Sizing"),
        bench("survival", "Forecasting"),
        bench("scheduling", "Allocation", "Scheduling", "Simulation", "Workloads"),
        bench("spot", "Allocation", "Forecasting", "LinearAlgebra", "Markets", "Simulation"),
    ]
)
