// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "prediction-bench",
    dependencies: [.package(name: "almanac", path: "../..")],
    targets: [
        .executableTarget(
            name: "prediction-bench",
            dependencies: [
                .product(name: "LinearAlgebra", package: "almanac"), .product(name: "Prediction", package: "almanac"),
                .product(name: "Sizing", package: "almanac"),
            ])
    ]
)
