// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "allocation-bench",
    dependencies: [.package(name: "almanac", path: "../..")],
    targets: [
        .executableTarget(
            name: "allocation-bench",
            dependencies: [
                .product(name: "Workloads", package: "almanac"), .product(name: "Scheduling", package: "almanac"),
                .product(name: "Allocation", package: "almanac"), .product(name: "Prediction", package: "almanac"),
                .product(name: "LinearAlgebra", package: "almanac"),
            ])
    ]
)
