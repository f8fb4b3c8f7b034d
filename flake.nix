{
  description = "evenkeel keeps Kubernetes clusters equal to a Git repository of environment folders";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      packages = forEach (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "evenkeel";
          version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          # libgit2 and OpenSSL are built from their vendored sources.
          nativeBuildInputs = [ pkgs.perl pkgs.pkg-config ];
          # The integration tests start servers and want Git's and Kubernetes' binaries: they belong to .ci/run.
          cargoTestFlags = [ "--lib" ];
        };
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          packages = with pkgs; [
            cargo
            rustc
            rustfmt
            clippy
            rust-analyzer
            cargo-deny
            cargo-insta
            go
            git
            just
            kubernetes-helm
            kubectl
            perl
            pkg-config
            python3
          ];
        };
      });

      formatter = forEach (pkgs: pkgs.nixpkgs-fmt);
    };
}
