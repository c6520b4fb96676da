// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "forests-bench",
    dependencies: [.package(name: "almanac", path: "../..")],
    targets: [
        .executableTarget(
            name: "ForestsBench",
            dependencies: [
                .product(name: "Forests", package: "almanac"), .product(name: "LinearAlgebra", package: "almanac"),
            ])
    ]
)
